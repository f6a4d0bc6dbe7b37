import type { Probe } from '../../src/api/probe-fields.ts';
import {
  NO_PROBES,
  PROBE_KINDS,
  type ProbeFacts,
  type ProbeKind,
  type ProbeResult,
  type Questions,
} from '../../src/planning/probe-facts.ts';
import { questionId, questionsId } from '../../src/planning/probes.ts';
import type { ProbeOrder } from '../../src/planning/step.ts';
import type { ModelHost } from './model-host.ts';

/** An nspawnd. It asks itself, so no signal of the host's is needed for it to hear what was answered. */
interface Asker {
  readonly isKilled: boolean;
  hears(name: string): void;
}

/** What guests answer, and who asks. Results are on disk; that somebody asks ends with the nspawnd that does. */
export class ModelProbes {
  /** Guests that do not answer well; all others do. */
  readonly bad = new Map<string, ReadonlySet<ProbeKind>>();
  readonly results = new Map<string, Omit<ProbeFacts, 'asked'>>();
  /** The same for one run of a guest: the next one answers well. */
  readonly #badRuns = new Map<
    string,
    { readonly invocationId: string; readonly kinds: ReadonlySet<ProbeKind> }
  >();
  readonly #asking = new Map<string, { readonly asker: Asker; readonly order: ProbeOrder }>();
  readonly #host: ModelHost;

  constructor(host: ModelHost) {
    this.#host = host;
  }

  observe(name: string): ProbeFacts {
    const { invocationId, run } = this.#host.unit(name);
    const result = this.results.get(name);
    if (run === undefined) return NO_PROBES;
    if (result === undefined || result.invocationId !== invocationId) return NO_PROBES;
    return { ...result, asked: questionsId(this.asked(name)) };
  }

  /** What is asked of it at the moment. */
  asked(name: string): Questions {
    const { invocationId, activeState } = this.#host.unit(name);
    const { asker, order } = this.#asking.get(name) ?? {};
    const isAsking =
      asker?.isKilled === false && order?.invocationId === invocationId && activeState === 'active';
    return isAsking ? (order?.questions ?? {}) : {};
  }

  ask(name: string, order: ProbeOrder, asker: Asker): void {
    this.#asking.set(name, { asker, order });
    const before = this.results.get(name);
    const { asked: _asked, ...unknown } = NO_PROBES;
    const known = before?.invocationId === order.invocationId ? before : unknown;
    const isNew = before?.invocationId !== order.invocationId;
    const isPassed = order.questions.startup === undefined || (order.isEdited && isNew);
    this.results.set(name, {
      ...known,
      invocationId: order.invocationId,
      ...(isPassed && known.startup.state !== 'success'
        ? { startup: this.#result('success', known.startup) }
        : {}),
    });
    this.#answerLater(name, asker);
  }

  /** A guest begins to answer badly, or well. */
  turn(name: string, bad: readonly ProbeKind[]): void {
    this.bad.set(name, new Set(bad));
    this.#askAgain(name);
  }

  /** The run that is under way does, and none after it. */
  turnRun(name: string, bad: readonly ProbeKind[]): void {
    const { invocationId = '' } = this.#host.unit(name);
    this.#badRuns.set(name, { invocationId, kinds: new Set(bad) });
    this.#askAgain(name);
  }

  /** All answer well. */
  calmDown(): void {
    this.bad.clear();
    this.#badRuns.clear();
    for (const name of this.#asking.keys()) this.#askAgain(name);
  }

  #askAgain(name: string): void {
    const asking = this.#asking.get(name);
    if (asking !== undefined) this.#answerLater(name, asking.asker);
  }

  #isBad(name: string, kind: ProbeKind, probe: Probe): boolean {
    const { invocationId } = this.#host.unit(name);
    const ofRun = this.#badRuns.get(name);
    if (ofRun?.invocationId === invocationId && ofRun?.kinds.has(kind)) return true;
    if (this.bad.get(name)?.has(kind)) return true;
    return [...this.#host.doomed].some(word => JSON.stringify(probe).includes(word));
  }

  #answerLater(name: string, asker: Asker): void {
    this.#host.later(name, 'probe', () => {
      const asking = this.#asking.get(name);
      const known = this.results.get(name);
      const { run, invocationId, activeState } = this.#host.unit(name);
      if (asking?.asker !== asker || asker.isKilled || run === undefined || activeState !== 'active') return;
      if (known === undefined || asking.order.invocationId !== invocationId) return;
      let results = known;
      for (const kind of PROBE_KINDS) {
        const probe = asking.order.questions[kind];
        if (probe === undefined) continue;
        if (kind !== 'startup' || results.startup.state !== 'success') {
          const state = this.#isBad(name, kind, probe) ? 'failure' : 'success';
          results = { ...results, [kind]: this.#result(state, results[kind], questionId(probe)) };
        }
        if (results.startup.state !== 'success') break;
      }
      this.#host.disturbances++;
      this.results.set(name, results);
      asker.hears(name);
    });
  }

  #result(state: 'success' | 'failure', before: ProbeResult, question = ''): ProbeResult {
    const detail = state === 'success' ? '' : 'exited with status 1';
    return { state, detail, since: state === before.state ? before.since : this.#host.now, question };
  }
}
