import {
  NO_PROBES,
  PROBE_KINDS,
  type ProbeFacts,
  type ProbeKind,
  type ProbeResult,
} from '../../src/planning/probe-facts.ts';
import { questionId, questionsId } from '../../src/planning/probes.ts';
import type { ProbeOrder } from '../../src/planning/step.ts';
import type { ModelHost } from './model-host.ts';

/** An nspawnd. */
interface Asker {
  readonly isKilled: boolean;
}

/** What guests answer, and who asks. Results are on disk; that somebody asks ends with the nspawnd that does. */
export class ModelProbes {
  /** Guests that do not answer well; all others do. */
  readonly bad = new Map<string, ReadonlySet<ProbeKind>>();
  readonly results = new Map<string, Omit<ProbeFacts, 'asked'>>();
  readonly #asking = new Map<string, { readonly asker: Asker; readonly order: ProbeOrder }>();
  readonly #host: ModelHost;

  constructor(host: ModelHost) {
    this.#host = host;
  }

  observe(name: string): ProbeFacts {
    const { invocationId, run, activeState } = this.#host.unit(name);
    const result = this.results.get(name);
    const asking = this.#asking.get(name);
    const isAsking =
      asking?.asker.isKilled === false &&
      asking.order.invocationId === invocationId &&
      activeState === 'active';
    if (run === undefined) return NO_PROBES;
    if (result === undefined || result.invocationId !== invocationId) return NO_PROBES;
    return { ...result, asked: isAsking ? questionsId(asking.order.questions) : '' };
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
      ...(isPassed && known.startup.state !== 'success' ? { startup: this.#result('success') } : {}),
    });
    this.#answerLater(name, asker);
  }

  /** A guest begins to answer badly, or well. */
  turn(name: string, bad: readonly ProbeKind[]): void {
    this.bad.set(name, new Set(bad));
    const asking = this.#asking.get(name);
    if (asking !== undefined) this.#answerLater(name, asking.asker);
  }

  #answerLater(name: string, asker: Asker): void {
    this.#host.later(name, 'probe', () => {
      const asking = this.#asking.get(name);
      const known = this.results.get(name);
      const { run, invocationId, activeState } = this.#host.unit(name);
      if (asking?.asker !== asker || run === undefined || activeState !== 'active') return;
      if (known === undefined || asking.order.invocationId !== invocationId) return;
      let results = known;
      for (const kind of PROBE_KINDS) {
        if (asking.order.questions[kind] === undefined) continue;
        const state = this.bad.get(name)?.has(kind) === true ? 'failure' : 'success';
        if (kind !== 'startup' || results.startup.state === 'unknown')
          results = { ...results, [kind]: this.#result(state, questionId(asking.order.questions[kind])) };
        const isStarted = asking.order.questions.startup === undefined || results.startup.state === 'success';
        if (!isStarted) break;
      }
      this.#host.disturbances++;
      this.results.set(name, results);
      this.#host.trigger(name);
    });
  }

  #result(state: 'success' | 'failure', question = ''): ProbeResult {
    const detail = state === 'success' ? '' : 'exited with status 1';
    return { state, detail, since: this.#host.now, question };
  }
}
