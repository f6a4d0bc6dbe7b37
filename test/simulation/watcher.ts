import { findCondition } from '../../src/api/condition.ts';
import type { Manifest } from '../../src/api/manifest.ts';
import type { Desired } from '../../src/planning/desired.ts';
import { questionId } from '../../src/planning/probes.ts';
import type { LaunchCause, Step } from '../../src/planning/step.ts';
import type { RunEnd } from '../model/model-host.ts';
import { hasYetToWrite, isReadyBy } from './readiness.ts';
import type { Simulation } from './simulation.ts';
import { launchedWith, specOf } from './specs.ts';
import { Violation } from './violation.ts';

/**
 * Looks on while a life goes on, and knows what must not be at any moment: a stop without a reason, a launch before its time,
 * work that never ends, a status that has nothing to do with the world. It believes nothing that nspawnd says of itself.
 */
export class Watcher {
  /** Times of the wall clock mean little then. */
  hasClockJumped = false;
  readonly #sim: Simulation;
  readonly #lives = new Map<string, Watched>();
  #violation: Violation | null = null;
  #startedAtMs = 0;
  #statusDueMs = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /** Notes what was seen; the life ends at the next moment. */
  violate(oracle: string, message: string): void {
    this.#sim.tell(`!!! ${oracle}: ${message}`);
    this.#violation ??= new Violation(oracle, message);
  }

  /** Throws what was noted. */
  look(): void {
    for (const { nonsense } of this.#sim.ports.slice(-2))
      if (nonsense.length > 0) this.violate('no nonsense', nonsense.join('; '));
    const { nowMs } = this.#sim.clock;
    if (nowMs >= this.#statusDueMs) {
      this.#statusDueMs = nowMs + 1000;
      for (const name of this.#sim.life.names) this.#lookAtStatus(name);
    }
    if (this.#violation !== null) throw this.#violation;
  }

  started(): void {
    this.#startedAtMs = this.#sim.clock.nowMs;
    for (const watched of this.#lives.values()) watched.wrongSinceMs = null;
  }

  booted(): void {
    for (const watched of this.#lives.values())
      Object.assign(watched, { restarts: 0, failedAtMs: null, lastEnd: null });
  }

  /** nspawnd begins to look at a container: what it decides after this is decided by nothing older. */
  looks(name: string): void {
    const watched = this.#of(name);
    watched.reasons = [this.reasonToStop(name)];
    watched.desired = this.#sim.folder.desired(name);
    watched.notReady = this.#notReady(watched.desired);
    watched.wasMeant = this.#sim.folder.isMeant(name);
    watched.seenEnd = watched.lastEnd;
    watched.lookedAtMs = this.#sim.clock.nowMs;
    watched.seenRun = this.#sim.host.unit(name).invocationId;
    if (watched.desired.state !== 'unknown') watched.isAccepted = watched.desired.state === 'present';
  }

  /** What it sees of it then, and may be later than its beginning. */
  sees(name: string): void {
    const watched = this.#of(name);
    watched.reasons = [...watched.reasons, this.reasonToStop(name)];
  }

  /** One that depends on it asks whether it is ready, by the manifest that it had then. */
  seesForAnother(name: string, manifest: Manifest | null): void {
    const { host } = this.#sim;
    const isReady = manifest === null ? this.#sim.isReady(name) : isReadyBy(host, name, manifest);
    if (isReady) this.#of(name).seenReadyAtMs = this.#sim.clock.nowMs;
  }

  ended(name: string, end: RunEnd, isStopAsked: boolean): void {
    const watched = this.#of(name);
    const isMissed = watched.missedAtMs !== null;
    if (end.exitStatus === '133' && !isMissed) watched.lastEnd = 'reboot';
    else if (isStopAsked && !isMissed) watched.lastEnd = 'stopped';
    else watched.lastEnd = end.result === 'success' && !isMissed ? 'clean' : 'failed';
    watched.failedAtMs = watched.missedAtMs ?? this.#sim.clock.nowMs;
    if (isStopAsked && !isMissed) watched.restarts = 0;
    watched.missedAtMs = null;
  }

  /** Its last end was no good, whatever it says itself: it was to be stopped as a failure. */
  hasFailed(name: string): boolean {
    return this.#of(name).lastEnd === 'failed';
  }

  begins(name: string, step: Step): void {
    const watched = this.#of(name);
    const { nowMs } = this.#sim.clock;
    this.#countStep(name, watched, nowMs);
    switch (step.name) {
      case 'stop':
      case 'killMain':
      case 'killActivating':
        this.#mayStop(name, step);
        break;
      case 'launch':
        if (step.arguments.cause === 'restart') this.#mayRestart(name, watched, nowMs);
        else watched.restarts = 0;
        this.#mayLaunch(name, watched, step.arguments.cause);
        for (const other of this.#notReady(watched.desired))
          if (watched.notReady.includes(other) && this.#of(other).seenReadyAtMs < watched.lookedAtMs)
            this.violate('dependencies', `${name} is launched, and ${other} is not ready`);
        break;
      case 'recordFailure':
        // The next try counts from the look that found it, however long the stop takes to be made.
        if ([this.reasonToStop(name), ...watched.reasons].includes(GIVEN_UP) && this.#runs(name))
          watched.missedAtMs = watched.lookedAtMs;
        break;
      case 'takeBackFailure':
        watched.missedAtMs = null;
        break;
      case 'recordStopped':
      case 'resetHistory':
        watched.restarts = 0;
        break;
      case 'removeUnit':
      case 'forget':
        if (this.#sim.folder.isMeant(name) && watched.wasMeant && this.#hasAnything(name))
          this.violate('no deletion of what is wanted', `${name}: ${step.name}`);
        // It was somebody else; who comes now has this name and nothing more.
        Object.assign(watched, { lastEnd: null, restarts: 0, failedAtMs: null });
        break;
      default:
    }
  }

  /** Why it would be right to stop what runs now; null: it would not be. */
  reasonToStop(name: string): string | null {
    const { host, folder, clock } = this.#sim;
    const desired = folder.desired(name);
    if (desired.state === 'absent') return 'its manifest is gone';
    const unit = host.unit(name);
    const { run } = unit;
    if (run === undefined) return 'it does not run';
    const request = host.requests.get(name);
    if (request?.verb === 'stop' || request?.invocationId === unit.invocationId) return 'asked for';
    if (unit.activeState === 'deactivating') return 'it is stopping already';
    if (desired.state === 'unknown') return null;
    const { spec, written } = desired.manifest;
    const started = specOf(run.text);
    if (spec.restartIfChanged && started !== null && launchedWith(started) !== launchedWith(written))
      return 'the spec changed';
    const named = host.namespaces.get(name);
    if (spec.privateNetwork && named != null && named !== run.namespace) return 'another namespace';
    const missesAt = (unit.activeAt ?? Number.POSITIVE_INFINITY) + spec.timeoutStartSec * 1000;
    if (hasYetToWrite(host, name, desired.manifest) && clock.wallMs() >= missesAt) return GIVEN_UP;
    if (this.#answersBadly(name, desired.manifest)) return GIVEN_UP;
    if (['path', 'config', 'flake'].some(field => written[field] !== undefined)) return 'another system';
    return null;
  }

  /** And has done since nspawnd looked. */
  #runs(name: string): boolean {
    const { run, invocationId } = this.#sim.host.unit(name);
    return run !== undefined && invocationId === this.#of(name).seenRun;
  }

  /** To what it is asked by this manifest, and would have to be stopped for. */
  #answersBadly(name: string, { spec }: Manifest): boolean {
    const found = this.#sim.host.probes.observe(name);
    return (['startup', 'liveness'] as const).some(kind => {
      const probe = spec[`${kind}Probe`];
      // Once it was ready it has started.
      if (kind === 'startup' && this.#of(name).readyRun === this.#sim.host.unit(name).invocationId)
        return false;
      return (
        probe !== undefined && found[kind].state === 'failure' && found[kind].question === questionId(probe)
      );
    });
  }

  /** A name of which nothing came yet has nothing to lose; one that was only ever a mistake in a file, no history. */
  #hasAnything(name: string): boolean {
    const { unitFiles, histories, suspensions } = this.#sim.host;
    const { isAccepted } = this.#of(name);
    return unitFiles.has(name) || suspensions.has(name) || (isAccepted && histories.has(name));
  }

  #notReady(desired: Desired): readonly string[] {
    const others = desired.state === 'present' ? desired.manifest.spec.dependsOn : [];
    return others.filter(other => !this.#sim.isReady(other));
  }

  #mayStop(name: string, step: Step): void {
    const { reasons } = this.#of(name);
    const reason = this.reasonToStop(name) ?? reasons.find(found => found !== null) ?? null;
    // That is the failure, however long the stop takes.
    if (reason === GIVEN_UP) this.#of(name).missedAtMs ??= this.#sim.clock.nowMs;
    if (reason === null) this.violate('no stop without a reason', `${name}: ${step.name} (${step.because})`);
  }

  /** The rows of the restart table that say that it stays down. */
  #mayLaunch(name: string, watched: Watched, cause: LaunchCause): void {
    const desired = this.#sim.folder.desired(name);
    const { lastEnd, seenEnd } = watched;
    // One that comes to nothing is tried again, whatever came before it.
    watched.lastEnd = null;
    if (desired.state !== 'present' || watched.desired !== desired) return;
    const { restartPolicy, autoStart } = desired.manifest.spec;
    const isAsked = cause === 'asked' || cause === 'edited';
    const forbid = (row: string) =>
      this.violate('restart table', `${name} (${restartPolicy}) is launched (${cause}): ${row}`);
    if (cause === 'first' && !autoStart) forbid('autoStart is false');
    // Another run has come and gone since nspawnd looked.
    if (isAsked || lastEnd === null || lastEnd !== seenEnd) return;
    if (lastEnd === 'stopped') forbid('it was stopped by request');
    if (lastEnd === 'clean' && restartPolicy !== 'Always') forbid('it powered itself off');
    if (lastEnd === 'failed' && restartPolicy === 'Never') forbid('it failed');
  }

  /** Each restart in a row waits twice as long as the one before, less a fifth. */
  #mayRestart(name: string, watched: Watched, nowMs: number): void {
    // One that came to nothing is tried again: that is the same restart.
    const { invocationId } = this.#sim.host.unit(name);
    // Of one that was forgotten half-way it is not known that it ended; nobody restarts a failure then.
    if (watched.failedAtMs === null) return;
    if (watched.restarts === 0 || watched.restartedAfter !== invocationId) watched.restarts++;
    watched.restartedAfter = invocationId;
    if (this.hasClockJumped) return;
    // Another run has come and gone since nspawnd looked: a person's.
    if (watched.failedAtMs > watched.lookedAtMs && invocationId !== watched.seenRun) return;
    const leastMs = 0.8 * Math.min(300_000, 1000 * 2 ** (watched.restarts - 1)) - 1;
    const waitedMs = nowMs - watched.failedAtMs;
    if (waitedMs < leastMs)
      this.violate(
        'backoff',
        `${name}: restart ${watched.restarts} in a row after ${waitedMs} ms, not ${leastMs}`,
      );
  }

  #countStep(name: string, watched: Watched, nowMs: number): void {
    watched.stepsAtMs = [...watched.stepsAtMs.filter(at => at > nowMs - 10_000), nowMs];
    if (watched.stepsAtMs.length > MAX_STEPS_IN_10_S)
      this.violate('no busy loop', `${name}: ${watched.stepsAtMs.length} steps in ten seconds`);
  }

  /** Ready is what the world is, sooner or later: at the next re-list, or at the one after one that failed. */
  #lookAtStatus(name: string): void {
    const { controller, host, folder, clock, life } = this.#sim;
    const watched = this.#of(name);
    const container = controller?.get(name) ?? null;
    const desired = folder.desired(name);
    if (desired.state === 'present' && this.#sim.isReady(name))
      watched.readyRun = host.unit(name).invocationId;
    const isHindered =
      clock.nowMs < Math.max(this.#sim.busGoneUntilMs, this.#sim.slowUntilMs) ||
      host.isStopping ||
      life.tuning.slowChance * life.tuning.slowMaxMs > 20;
    if (container === null || desired.state !== 'present' || isHindered) {
      watched.wrongSinceMs = null;
      return;
    }
    const says = findCondition(container.status.conditions, 'Ready')?.status === 'True';
    if (says === this.#sim.isReady(name)) watched.wrongSinceMs = null;
    else watched.wrongSinceMs ??= clock.nowMs;
    const sinceMs = Math.max(watched.wrongSinceMs ?? clock.nowMs, this.#startedAtMs);
    if (clock.nowMs - sinceMs > 3 * life.tuning.relistMs + 5000)
      this.violate('status', `${name} is said to be ${says ? 'ready' : 'not ready'} for too long`);
  }

  #of(name: string): Watched {
    const known = this.#lives.get(name);
    if (known !== undefined) return known;
    const watched: Watched = {
      ...{
        reasons: [],
        wasMeant: false,
        desired: ABSENT,
        notReady: [],
        lastEnd: null,
        seenEnd: null,
        seenReadyAtMs: Number.NEGATIVE_INFINITY,
        lookedAtMs: 0,
        seenRun: undefined,
        readyRun: undefined,
        isAccepted: false,
        failedAtMs: null,
        missedAtMs: null,
      },
      ...{ restarts: 0, restartedAfter: undefined, stepsAtMs: [], wrongSinceMs: null },
    };
    this.#lives.set(name, watched);
    return watched;
  }
}

const ABSENT: Desired = { state: 'absent' };

interface Watched {
  /** Why it could have been stopped when nspawnd began its last look, and when it saw what it looked at. */
  reasons: readonly (string | null)[];
  wasMeant: boolean;
  /** What was wanted of it then. */
  desired: Desired;
  /** Whom it depends on and who was not ready then. */
  notReady: readonly string[];
  /** How its last run of this boot ended, by what was seen of it; null: it did not. */
  lastEnd: 'stopped' | 'clean' | 'failed' | 'reboot' | null;
  /** The same when nspawnd began its last look. */
  seenEnd: Watched['lastEnd'];
  /** When one that depends on it last saw it ready. */
  seenReadyAtMs: number;
  lookedAtMs: number;
  /** Its last run, as of then. */
  seenRun: string | undefined;
  /** The last one that was ready. */
  readyRun: string | undefined;
  /** A manifest of it was in force when that was last certain. */
  isAccepted: boolean;
  /** When the last failure was one. */
  failedAtMs: number | null;
  /** When a run was given up that did not start in time. */
  missedAtMs: number | null;
  /** Restarts in a row after a failure. */
  restarts: number;
  /** Which run was over when the last of them was tried. */
  restartedAfter: string | undefined;
  stepsAtMs: readonly number[];
  /** Since when its status is not what the world is. */
  wrongSinceMs: number | null;
}

/** It did not start in time, or does not answer well: a failure. */
const GIVEN_UP = 'it is of no use';
const MAX_STEPS_IN_10_S = 150;
