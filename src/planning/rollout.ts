import type { Manifest } from '../api/manifest.ts';
import { adoptedRun } from './adopted.ts';
import { launchHash } from './change.ts';
import type { Desired } from './desired.ts';
import { isRealised, usableSystem } from './nix.ts';
import { isOtherSystem, switchOfRun } from './nix-switch.ts';
import type { History, Observed } from './observed.ts';
import { type Plan, type Waiting, waiting } from './plan.ts';
import { goodSince, haveAnswered } from './probes.ts';
import { decideRun, describeEnd } from './restart.ts';
import { isReady, runState } from './run-state.ts';
import { type Step, step } from './step.ts';

/** So long a guest has to be Ready before its spec counts as one that works: what crashes at once has never worked. */
const PROVEN_AFTER_MS = 10_000;
/** So many failures end a trial before its deadline does. */
const TRIAL_FAILURES = 3;
const MIN_DEADLINE_SEC = 60;

/**
 * The trial of an edited spec, laid over the plan for the container: it begins with the first try to launch it, or when a
 * running guest is asked anew, was switched to the system that Nix has made of it, or takes it over while nobody knows yet
 * whether it works at all; it ends well when the guest was Ready for a while and every probe has found that, and badly
 * when it failed three times or its deadline has passed. Then the last spec that was Ready is in force again, and the next
 * plan brings that about.
 */
export function withRollout(
  desired: Extract<Desired, { state: 'present' }>,
  observed: Observed,
  base: Plan,
): Plan {
  const { manifest, generation, rollout } = desired;
  if (rollout === undefined || adoptedRun(manifest, observed) !== null) return base;
  const trial = isOnTrial(desired) ? trialOf(generation, observed) : null;
  if (isOnTrial(desired) && isTrialToBegin(manifest, observed, base, trial)) {
    const begin = step('beginTrial', { generation }, `revision ${rollout.revision} was never Ready`);
    return { ...base, steps: [begin, ...base.steps] };
  }
  if (!rollout.isProven && runsReady(manifest, observed)) return prove(manifest, observed, base, trial);
  if (trial === null) return base;

  const cause = isHeldUp(observed, base) ? null : whyFailed(manifest, observed, trial);
  if (cause !== null) return reject(desired, observed, cause);
  return withDeadline(observed, base, trial.since + deadlineSec(manifest) * 1000);
}

/** Whether what is in force has to show that it works, or goes. */
function isOnTrial({ manifest, rollout }: Extract<Desired, { state: 'present' }>): boolean {
  return (
    rollout !== undefined &&
    !rollout.isProven &&
    rollout.fallback !== null &&
    rollout.stuckBecause === null &&
    manifest.spec.rollback
  );
}

/** Null: it has yet to begin. Whoever asks for a start gives it another chance. */
function trialOf(generation: number, { history, request }: Observed): History['trial'] {
  const { trial } = history;
  if (trial?.generation !== generation) return null;
  return request !== null && request.verb !== 'stop' && request.at > trial.since ? null : trial;
}

function isTrialToBegin(
  manifest: Manifest,
  observed: Observed,
  { steps }: Plan,
  trial: History['trial'],
): boolean {
  // The clock was set back: nobody knows how long it has taken.
  if (trial !== null) return trial.since > observed.now;
  if (steps.some(({ name }) => name === 'launch')) {
    // What is launched while its own system cannot be made is an earlier one.
    return isRealised(manifest, observed);
  }
  const isAskedAnew = steps.some(one => one.name === 'probe' && one.arguments.isEdited);
  const isSwitched = switchOfRun(observed) !== null;
  const isTakenOver = steps.some(({ name }) => name === 'noteSpec') && isYetToShow(manifest, observed);
  return (isAskedAnew || isSwitched || isTakenOver) && runsSpec(manifest, observed);
}

/**
 * Started not long ago, and nobody knows yet whether it works. Where that is known, what it takes over is proven at once; and
 * what has been unready for longer than any trial is not so by the edit.
 */
function isYetToShow(manifest: Manifest, observed: Observed): boolean {
  const { activeAt } = observed.unit;
  if (activeAt !== null && observed.now - activeAt >= deadlineSec(manifest) * 1000) return false;
  const since = isReady(manifest, observed) ? isSoSince(manifest, observed) : null;
  if (since === null || haveAnswered(manifest, observed) !== 'well') return true;
  return observed.now - since < PROVEN_AFTER_MS;
}

/** How long a trial may take from the first launch on. */
export function deadlineSec({ spec }: Manifest): number {
  return spec.progressDeadlineSeconds ?? Math.max(MIN_DEADLINE_SEC, spec.timeoutStartSec);
}

/** The running guest has this spec; one that Nix makes has it only with the system that was made of it. */
function runsSpec(manifest: Manifest, observed: Observed): boolean {
  if (observed.process?.launchHash !== launchHash(manifest)) return false;
  if (observed.nix === null) return true;
  return isRealised(manifest, observed) && usableSystem(observed) !== null && !isOtherSystem(observed);
}

/** It has this spec, and is Ready with it. */
function runsReady(manifest: Manifest, observed: Observed): boolean {
  return runsSpec(manifest, observed) && isReady(manifest, observed);
}

/** Since when it is what it is: it was started, or switched to another system, or its probes became good. */
function isSoSince(manifest: Manifest, observed: Observed): number | null {
  const { activeAt } = observed.unit;
  if (activeAt === null) return null;
  const later = [switchOfRun(observed)?.at, goodSince(manifest, observed)].map(at => at ?? activeAt);
  // What lies well in the future was noted before the clock was set back: nobody knows when, and nobody waits for it.
  return Math.max(activeAt, ...later.filter(at => at < observed.now + PROVEN_AFTER_MS));
}

function prove(manifest: Manifest, observed: Observed, base: Plan, trial: History['trial']): Plan {
  const readySince = isSoSince(manifest, observed);
  const answer = haveAnswered(manifest, observed);
  // While what it says to a probe is bad, no time is enough.
  if (readySince === null || answer === 'badly') return base;
  // A probe may be asked for the first time after an hour; one that was edited, long after the guest became Ready.
  const enoughMs =
    answer === 'well' ? PROVEN_AFTER_MS : Math.max(PROVEN_AFTER_MS, deadlineSec(manifest) * 1000);
  const since = Math.max(readySince, trial?.since ?? readySince);
  // A clock that was set back must not keep it from ever being proven.
  if (Math.abs(observed.now - since) < enoughMs) return withDeadline(observed, base, since + enoughMs);
  const { specHash } = manifest;
  const proof = step('proveSpec', { specHash }, `Ready for ${enoughMs / 1000} s`);
  return { ...base, steps: [...base.steps, proof] };
}

/**
 * What it waits for is not its own doing: the host has no room, or what it depends on is not there. Of a launch that nobody
 * was asked about yet it is not known: the next plan has heard the others.
 */
function isHeldUp({ unit, gate }: Observed, { stalled, steps, waitingFor }: Plan): boolean {
  if (stalled !== null) return true;
  const isDown = runState(unit) === 'down';
  const isToBeLaunched = steps.some(({ name }) => name === 'launch');
  if (isToBeLaunched) return gate === undefined;
  return isDown && waitingFor !== null && waitingFor.reason !== 'BackOff';
}

/** Why the trial is over, in words; null while it goes on. */
function whyFailed(
  manifest: Manifest,
  observed: Observed,
  trial: { readonly since: number; readonly failures: number },
): string | null {
  const { history, request, lookedAt } = observed;
  if (request?.verb === 'stop') return null;
  switch (runState(observed.unit)) {
    case 'stopping':
      return null;
    case 'up':
    case 'starting':
      // The one before it still runs, or it is Ready and has yet to stay so.
      if (!runsSpec(manifest, observed) || isReady(manifest, observed)) return null;
      break;
    case 'down': {
      const decision = decideRun(manifest, observed);
      if (decision.run === 'count') return null;
      if (decision.run === 'stay') return decision.reason === 'Failed' ? decision.message : null;
    }
  }
  const failures = history.failures - trial.failures;
  if (failures >= TRIAL_FAILURES) return `it failed ${failures} times: ${history.lastFailure}`;
  const deadline = deadlineSec(manifest);
  // What came since the look began was in time.
  if (lookedAt < trial.since + deadline * 1000) return null;
  return `it was not Ready within ${deadline} s${failures > 0 ? `: ${history.lastFailure}` : ''}`;
}

/** Whatever the earlier spec says of restarts: its guest is started. What runs as that says, and only took the later one over, goes on. */
function reject(
  { manifest, rollout }: Extract<Desired, { state: 'present' }>,
  observed: Observed,
  cause: string,
): Plan {
  const because = `revision ${rollout?.fallback?.revision} is to run again`;
  const { specHash } = manifest;
  const { fallback = null } = rollout ?? {};
  const started = observed.process;
  const goesOn =
    fallback !== null && started?.launchHash === launchHash(fallback) && started.specHash !== specHash;
  const restart = step('markRestart', { invocationId: observed.unit.invocationId, cause: because }, because);
  const steps: readonly Step[] = [
    step('rejectSpec', { specHash, cause, lines: linesOf(observed) }, cause),
    ...(goesOn ? [] : [restart]),
  ];
  return waiting(observed, steps, {
    reason: 'RollingBack',
    message: `it goes back to revision ${rollout?.fallback?.revision}, the last one that was Ready`,
    until: null,
  });
}

function linesOf({ ended, history }: Observed): readonly string[] {
  if (ended === null || ended.lastLines.length === 0) return [];
  const how = describeEnd(ended);
  return history.lastFailure === '' || history.lastFailure === how
    ? ended.lastLines
    : [`(${how})`, ...ended.lastLines];
}

function withDeadline(observed: Observed, base: Plan, until: number): Plan {
  if (until <= observed.lookedAt) return base;
  const settling: Waiting = { reason: 'Settling', message: 'whether it stays Ready will be seen', until };
  const { waitingFor } = base;
  if (waitingFor === null) return base.stalled === null ? { ...base, waitingFor: settling } : base;
  return { ...base, waitingFor: { ...waitingFor, until: Math.min(waitingFor.until ?? until, until) } };
}
