import { randomUUID } from 'node:crypto';
import { findCondition } from '../api/condition.ts';
import type { Manifest } from '../api/manifest.ts';
import { messageOf, NspawndError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Desired } from '../planning/desired.ts';
import { HOST_KEY, planHost } from '../planning/host-planner.ts';
import type { HostDesired } from '../planning/host-state.ts';
import type { Observed } from '../planning/observed.ts';
import type { Plan } from '../planning/plan.ts';
import { planText, stepText } from '../planning/plan-text.ts';
import { plan } from '../planning/planner.ts';
import { hostsEntries } from '../planning/render/hosts-block.ts';
import { backoffMs } from '../planning/restart.ts';
import { step } from '../planning/step.ts';
import { type Outcome, summarize } from '../planning/summarize.ts';
import { applyStep, isForManifests } from './apply-step.ts';
import { isNothingToDo } from './nothing-to-do.ts';
import type { HostPort, ManifestPort } from './ports.ts';
import { report, type Standing } from './report.ts';
import type { StartGate } from './start-gate.ts';
import type { StatusStore } from './status-store.ts';
import { eventOf } from './step-events.ts';

/** A plan leads to the next one: counting an end, preparing, launching. More rounds than this is a bug or a fight. */
const MAX_ROUNDS = 8;

/** When the key is to be looked at again without anybody asking; null: a trigger will. */
export interface ReconcileResult {
  readonly requeueAfterMs: number | null;
  readonly hasFailed: boolean;
  /** It runs, and nothing is to do or waited for. */
  readonly isAtRest: boolean;
}

/**
 * One key, brought a step closer: read what is wanted and what is, plan, apply in order, look again, and at the end, always,
 * summarise. Never waits for a guest: what has to be waited for is in the plan, and a trigger or the time brings it back.
 */
export class Reconciler {
  readonly #manifests: ManifestPort;
  readonly #host: HostPort;
  readonly #store: StatusStore;
  readonly #gate: StartGate;
  readonly #log: Log;
  #namesFault = '';
  /** Failed reconciles in a row by key; only sets how soon the next try is. */
  readonly #failures = new Map<string, number>();

  constructor(manifests: ManifestPort, host: HostPort, store: StatusStore, gate: StartGate, log: Log) {
    this.#manifests = manifests;
    this.#host = host;
    this.#store = store;
    this.#gate = gate;
    this.#log = log;
  }

  /** As `OverallStatus` says. */
  get namesFault(): string {
    return this.#namesFault;
  }

  /** `onLook`: what has been heard of the key so far is seen by the look that begins now. */
  async reconcile(key: string, signal: AbortSignal, onLook: () => void): Promise<ReconcileResult> {
    const log = this.#log.child({ key, reconcileId: randomUUID().slice(0, 8) });
    try {
      const result =
        key === HOST_KEY
          ? await this.#reconcileHost(log, signal)
          : await this.#reconcileContainer(key, log, signal, onLook);
      if (result.error === null) this.#failures.delete(key);
      return {
        requeueAfterMs: result.error === null ? result.requeueAfterMs : this.#retryAfterMs(key, result.error),
        hasFailed: result.error !== null,
        isAtRest: result.error === null && result.isAtRest === true,
      };
    } catch (error) {
      if (signal.aborted) return { requeueAfterMs: null, hasFailed: false, isAtRest: false };
      if (key === HOST_KEY) this.#namesFault = messageOf(error);
      else this.#gate.lostSight(key);
      log.error({ err: error }, 'reconcile failed');
      return { requeueAfterMs: this.#retryAfterMs(key, error), hasFailed: true, isAtRest: false };
    }
  }

  async #reconcileContainer(name: string, log: Log, signal: AbortSignal, onLook: () => void): Promise<Round> {
    if (!this.#store.isKnown(name)) this.#store.restore(name, await this.#host.loadMemory(name));
    let standing = await this.#see(name);
    let outcome: Outcome = { error: null };
    let error: unknown = null;

    for (let round = 0; standing.current.steps.length > 0 && error === null; round++) {
      const before = standing;
      error =
        round < MAX_ROUNDS
          ? await this.#applySteps(name, before, log, signal)
          : tooManyRounds(before.current);
      if (signal.aborted) return { requeueAfterMs: null, error: null };
      if (error !== null) {
        outcome = { error: outcomeError(error) };
        log.warn({ err: error }, 'step failed');
      }
      standing = await this.#afterRound(name, before, error, onLook);
      // Done and not yet to be seen, such as a signal to a guest: it is given time, not the same again at once.
      if (error === null && isSamePlan(before.current, standing.current)) {
        this.#noteAtGate(name, standing);
        await this.#report(name, standing, outcome, log);
        return { requeueAfterMs: SAME_PLAN_RECHECK_MS, error: null };
      }
    }

    this.#noteAtGate(name, standing);
    const { desired, observed, current } = standing;
    if (desired.state === 'unknown' && !this.#manifests.names().includes(name)) {
      // It was only ever a mistake in a file: no version was accepted, and the host has nothing of it but our own words. What a
      // person has asked for stays for as long as nobody can tell whether the file is gone.
      const isOnlyWords = observed.unitFile.owner === 'none' && observed.process === null;
      if (isOnlyWords && observed.suspension === null)
        await this.#host.apply(name, step('forget', {}, 'no manifest names it any more'), signal);
      this.#store.delete(name);
      return { requeueAfterMs: null, error: null };
    }
    if (desired.state === 'absent' && error === null && current.waitingFor === null) {
      this.#store.delete(name);
      await this.#manifests.forget(name);
      return { requeueAfterMs: null, error: null };
    }
    await this.#report(name, standing, outcome, log);
    const isAtRest = desired.state === 'present' && isNothingToDo(current, desired.manifest, observed);
    return { requeueAfterMs: requeueAfter(current, observed), error, isAtRest };
  }

  /** What is when the steps of a plan are done, or one of them has failed: seen afresh, unless it is known. */
  async #afterRound(name: string, before: Standing, error: unknown, onLook: () => void): Promise<Standing> {
    const { desired, observed, current } = before;
    if (error === null && current.steps.at(-1)?.name === 'launch')
      return { desired, observed: asLaunched(observed), current: { ...current, steps: [] } };
    if (error === null && current.steps.every(isForManifests)) {
      const judged = this.#manifests.desired(name);
      if (isSameWish(desired, judged))
        return { desired: judged, observed, current: await this.#plan(name, judged, observed) };
    }
    onLook();
    return this.#see(name);
  }

  async #reconcileHost(log: Log, signal: AbortSignal): Promise<Round> {
    const desired = this.hostDesired();
    const { steps } = planHost(desired, await this.#host.observeHost(desired));
    for (const step of steps) {
      await this.#host.applyHost(step, signal);
      log.info({ step: step.name, because: step.because }, 'step applied');
    }
    this.#namesFault = '';
    return { requeueAfterMs: null, error: null };
  }

  /** What all containers together want of the host. */
  hostDesired(): HostDesired {
    const hosts = [...this.#manifests.names()].sort().flatMap(name => {
      const desired = this.#manifests.desired(name);
      return desired.state === 'present' ? hostsEntries(desired.manifest) : [];
    });
    return { hosts };
  }

  /** Applies in order until one fails; the error of that one, or null. */
  async #applySteps(
    name: string,
    { observed, current }: Standing,
    log: Log,
    signal: AbortSignal,
  ): Promise<unknown> {
    for (const step of current.steps) {
      if (signal.aborted) return null;
      const startedAt = performance.now();
      try {
        await applyStep({ manifests: this.#manifests, host: this.#host }, name, step, signal);
      } catch (error) {
        log.debug({ step: step.name }, 'step failed');
        return error;
      }
      log.info({ step: stepText(step), ms: Math.round(performance.now() - startedAt) }, 'step applied');
      const event = eventOf(step, observed);
      if (event !== null) await this.#store.record(name, event, new Date().toISOString());
    }
    return null;
  }

  #noteAtGate(name: string, { desired, observed, current }: Standing): void {
    this.#gate.note(name, manifestOf(desired), observed, current);
  }

  async #report(name: string, standing: Standing, outcome: Outcome, log: Log): Promise<void> {
    const isReady = await report(this.#store, name, standing, outcome, log);
    if (isReady) this.#gate.isReady(name);
  }

  async #see(name: string): Promise<Standing> {
    const { desired, observed } = await this.#look(name);
    return { desired, observed, current: await this.#plan(name, desired, observed) };
  }

  /** What is wanted as it is when the look is over: a manifest may come back while a busy host is looked at. */
  async #look(name: string): Promise<{ readonly desired: Desired; readonly observed: Observed }> {
    for (let looks = 1; ; looks++) {
      const desired = this.#manifests.desired(name);
      const observed = await this.#observe(name, desired);
      if (looks === MAX_LOOKS || isSameWish(desired, this.#manifests.desired(name)))
        return { desired, observed };
    }
  }

  #observe(name: string, desired: Desired): Promise<Observed> {
    return this.#host.observe(name, manifestOf(desired));
  }

  /** A launch is planned twice: as if nobody minded, and then with what the others say to it. */
  async #plan(name: string, desired: Desired, observed: Observed): Promise<Plan> {
    const paths = this.#host.unitPaths(name);
    const free = plan(desired, observed, paths);
    const launch = free.steps.find(({ name }) => name === 'launch');
    if (desired.state !== 'present' || launch?.name !== 'launch') return free;
    const { cause } = launch.arguments;
    const gate = await this.#gate.ask(desired.manifest, observed, cause, other => this.#whyNotReady(other));
    return plan(desired, { ...observed, gate }, paths);
  }

  /** As its own Ready condition would say now; null: it is Ready. */
  async #whyNotReady(name: string): Promise<string | null> {
    if (this.#manifests.desired(name).state === 'absent') return NO_SUCH_CONTAINER;
    const { desired, observed } = await this.#look(name);
    if (desired.state === 'absent') return NO_SUCH_CONTAINER;
    const current = plan(desired, observed, this.#host.unitPaths(name));
    const ready = findCondition(summarize(desired, observed, current, { error: null }).conditions, 'Ready');
    return ready?.status === 'True' ? null : firstLine(`${ready?.reason}: ${ready?.message}`);
  }

  /** Final errors wait for a change, which the next re-list finds; the others back off. */
  #retryAfterMs(key: string, error: unknown): number | null {
    if (error instanceof NspawndError && error.retry === 'onChange') return null;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    return backoffMs(failures, `${key} ${failures}`);
  }
}

interface Round {
  readonly requeueAfterMs: number | null;
  readonly error: unknown;
  readonly isAtRest?: boolean;
}

/** A guest's last words stay with the guest. */
function firstLine(text: string): string {
  const [line = ''] = text.split('\n', 1);
  return line.length > MAX_WHY_LENGTH ? `${line.slice(0, MAX_WHY_LENGTH)}…` : line;
}

const MAX_WHY_LENGTH = 200;
const SAME_PLAN_RECHECK_MS = 1000;
const NO_SUCH_CONTAINER = 'there is no such container';
/** A file that is edited faster than this host is looked at must not keep everybody waiting. */
const MAX_LOOKS = 3;

function manifestOf(desired: Desired): Manifest | null {
  return desired.state === 'present' ? desired.manifest : null;
}

function isSameWish(one: Desired, other: Desired): boolean {
  if (one.state !== 'present' || other.state !== 'present') return one.state === other.state;
  return one.manifest.specHash === other.manifest.specHash;
}

function isSamePlan(before: Plan, after: Plan): boolean {
  return after.steps.length > 0 && planText(before) === planText(after);
}

/**
 * As it is when systemd has taken a launch. How that goes it announces; another look would take the processor from the guest
 * that boots.
 */
function asLaunched(observed: Observed): Observed {
  return { ...observed, unit: { ...observed.unit, activeState: 'activating', hasJob: true } };
}

function tooManyRounds(plan: Plan): Error {
  return new Error(
    `still not as desired after ${MAX_ROUNDS} rounds; next would be: ${plan.steps.map(stepText).join(', ')}`,
  );
}

function outcomeError(error: unknown): Outcome['error'] {
  if (!(error instanceof NspawndError))
    return { code: 'InternalError', message: messageOf(error), isFinal: false };
  return { code: error.code, message: error.message, isFinal: error.retry === 'onChange' };
}

function requeueAfter(plan: Plan, observed: Observed): number | null {
  const until = plan.waitingFor?.until ?? null;
  return until === null ? null : Math.max(0, until - observed.now);
}
