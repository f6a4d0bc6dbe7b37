import { createHash } from 'node:crypto';
import type { UnitFacts } from '../../planning/observed.ts';
import {
  NO_PROBES,
  PROBE_KINDS,
  type ProbeFacts,
  type ProbeKind,
  type ProbeResult,
  UNASKED,
} from '../../planning/probe-facts.ts';
import { questionsId } from '../../planning/probes.ts';
import { runState } from '../../planning/run-state.ts';
import type { ProbeOrder } from '../../planning/step.ts';
import type { Ask } from './ask.ts';
import { ProbeLoop } from './probe-loop.ts';

/** What has been found of a run, as it is on disk. */
export type ProbeRecord = Omit<ProbeFacts, 'asked'>;

/** Where results are kept: they survive nspawnd, so that its restart makes nobody un-Ready. */
export interface ProbeRecords {
  probed(name: string): Promise<ProbeRecord | null>;
  putProbed(name: string, record: ProbeRecord): Promise<void>;
}

/**
 * Asks guests what their manifests want asked, as the planner orders it; what is found are facts for the next plan, and a
 * trigger says that there are new ones. Decides nothing.
 */
export class Prober {
  readonly #records: ProbeRecords;
  readonly #ask: Ask;
  readonly #onTrigger: (name: string) => void;
  readonly #runs = new Map<string, ProbedRun>();

  constructor(records: ProbeRecords, ask: Ask, onTrigger: (name: string) => void) {
    this.#records = records;
    this.#ask = ask;
    this.#onTrigger = onTrigger;
  }

  /** A run that is over, or on its way there, is not asked any more. */
  async facts(name: string, unit: UnitFacts): Promise<ProbeFacts> {
    const run = this.#runs.get(name);
    const isIt = run?.facts().invocationId === unit.invocationId;
    if (isIt && runState(unit) === 'up') return run.facts();
    run?.end();
    this.#runs.delete(name);
    if (unit.mainPid === 0) return NO_PROBES;
    const known = await this.#records.probed(name);
    return known?.invocationId === unit.invocationId ? { ...known, asked: '' } : NO_PROBES;
  }

  /** Asks this from now on, and nothing else of this name. */
  async begin(name: string, order: ProbeOrder): Promise<void> {
    const running = this.#runs.get(name);
    const known = running?.facts() ?? (await this.#records.probed(name));
    const isSame = known?.invocationId === order.invocationId;
    running?.end();
    const run = new ProbedRun(name, order, isSame ? known : null, this.#ask, async (facts, isKept) => {
      const { asked: _asked, ...record } = facts;
      // Without the record a restarted nspawnd has to find it out again, ignoring.
      if (isKept) await this.#records.putProbed(name, record).catch(() => undefined);
      if (this.#runs.get(name) === run) this.#onTrigger(name);
    });
    this.#runs.set(name, run);
    const isEdit = isSame && running !== undefined;
    await run.begin(isSame && !isEdit);
  }

  stop(): void {
    for (const run of this.#runs.values()) run.end();
    this.#runs.clear();
  }
}

type Told = (facts: ProbeFacts, isKept: boolean) => Promise<void>;

/** One run of a guest that is asked. */
class ProbedRun {
  readonly #name: string;
  readonly #order: ProbeOrder;
  readonly #ask: Ask;
  readonly #tell: Told;
  readonly #loops: ProbeLoop[] = [];
  #facts: ProbeFacts;
  #isOver = false;

  constructor(name: string, order: ProbeOrder, known: ProbeRecord | null, ask: Ask, tell: Told) {
    const { invocationId, questions, isEdited } = order;
    this.#name = name;
    this.#order = order;
    this.#ask = ask;
    this.#tell = tell;
    const isPassed = questions.startup === undefined || (isEdited && known === null);
    const { startup = UNASKED, readiness = UNASKED, liveness = UNASKED } = known ?? {};
    this.#facts = {
      invocationId,
      asked: questionsId(questions),
      startup:
        isPassed && startup.state !== 'success'
          ? { ...UNASKED, state: 'success', since: Date.now() }
          : startup,
      readiness,
      liveness,
    };
  }

  facts(): ProbeFacts {
    return this.#facts;
  }

  /** `isContinued`: another nspawnd asked before; what it asked is not all asked anew at the same moment. */
  async begin(isContinued: boolean): Promise<void> {
    await this.#tell(this.#facts, true);
    if (this.#isOver) return;
    if (this.#facts.startup.state === 'success') this.#beginOthers(isContinued);
    else this.#beginLoop('startup', isContinued);
  }

  end(): void {
    this.#isOver = true;
    for (const loop of this.#loops) loop.end();
  }

  #beginOthers(isContinued: boolean): void {
    for (const kind of PROBE_KINDS) if (kind !== 'startup') this.#beginLoop(kind, isContinued);
  }

  #beginLoop(kind: ProbeKind, isContinued: boolean): void {
    const { questions, bootedAt, mainPid } = this.#order;
    const probe = questions[kind];
    if (probe === undefined) return;
    const before = this.#facts[kind];
    const loop = new ProbeLoop(
      probe,
      before,
      (asked, signal) => this.#ask(this.#name, mainPid, asked, signal),
      result => this.#heard(kind, result),
    );
    this.#loops.push(loop);
    const delayMs = probe.initialDelaySeconds * 1000;
    const firstMs = Math.min(delayMs, Math.max(0, bootedAt + delayMs - Date.now()));
    const isKnown = isContinued && before.state !== 'unknown';
    loop.begin(isKnown ? firstMs + share(`${this.#name} ${kind}`) * probe.periodSeconds * 1000 : firstMs);
  }

  async #heard(kind: ProbeKind, result: ProbeResult): Promise<boolean> {
    if (this.#isOver) return false;
    const before = this.#facts[kind];
    this.#facts = { ...this.#facts, [kind]: result };
    const isTurned = before.state !== result.state || before.question !== result.question;
    const isStarted = kind === 'startup' && result.state === 'success';
    // What a bad answer says is shown while it matters.
    const isTold = isTurned || (result.state !== 'success' && before.detail !== result.detail);
    if (isTold) await this.#tell(this.#facts, isTurned);
    if (isStarted && !this.#isOver) this.#beginOthers(false);
    return !isStarted;
  }
}

/** The same part of a whole for the same text, between 0 and 1. */
function share(text: string): number {
  return createHash('sha256').update(text).digest().readUInt16BE(0) / 0x10000;
}
