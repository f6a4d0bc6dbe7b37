import type { Manifest } from '../api/manifest.ts';
import { hasOwnNetwork } from '../api/own-network.ts';
import { assertNever } from '../errors.ts';
import { adoptedRun } from './adopted.ts';
import { launchHash } from './change.ts';
import type { Desired } from './desired.ts';
import { whyGivenUp } from './giving-up.ts';
import { heldBack } from './held-back.ts';
import { keepSystems } from './kept-systems.ts';
import { planRealisation, type Realisation, usableSystem } from './nix.ts';
import { planSwitch, restartForSystem } from './nix-switch.ts';
import type { Observed } from './observed.ts';
import { findObstacle, isMendingHindered } from './obstacle.ts';
import { nothing, type Plan, stalled, type Waiting, waiting } from './plan.ts';
import { planAdopted } from './plan-adopted.ts';
import { planProbes } from './plan-probes.ts';
import { cleanUp, prepareLaunch, returnInterfaces } from './prepare.ts';
import { unreadyBecause } from './probes.ts';
import { planRemoval } from './removal.ts';
import type { UnitPaths } from './render/unit.ts';
import { countFailure, decideRun, READY_RESET_MS, type RunDecision } from './restart.ts';
import { withRollout } from './rollout.ts';
import { hasBooted, hasStartedUp, isReady, runState } from './run-state.ts';
import { lastRun, sandboxDrift, sandboxSpec, withoutDevices, withoutInterfaces } from './sandbox.ts';
import { type SandboxSpec, type Step, step } from './step.ts';
import { killIfForced, planStopping, stopping } from './stopping.ts';
import { planSuspended } from './suspended.ts';

/**
 * The whole decision: what has to be done for one container, now, given what is wanted and what is. Pure, total,
 * deterministic; the order of the steps is the order of the work.
 *
 *   1. a host that shuts down, or a name nobody knows anything of: nothing
 *   2. a container that a person has asked to be left alone: nothing
 *   3. no manifest: stop, then remove everything of ours but the root
 *   4. running: fulfil the request, restart for what cannot be mended, else mend the drift
 *   5. down: clean up, prepare (root, FIFO, network, unit), then launch if it is to run
 */
export function plan(desired: Desired, observed: Observed, paths: UnitPaths): Plan {
  if (observed.host.isStopping)
    return waiting(observed, [], {
      reason: 'HostStopping',
      message: 'the host is shutting down',
      until: null,
    });
  return planSuspended(observed, free => planFree(desired, free, paths));
}

function planFree(desired: Desired, observed: Observed, paths: UnitPaths): Plan {
  if (isAboutToChange(observed))
    return waiting(observed, [], { ...JOB_PENDING, until: observed.now + JOB_RECHECK_MS });
  switch (desired.state) {
    case 'unknown':
      return nothing(observed);
    case 'absent':
      return planRemoval(observed);
    case 'present':
      return withRollout(desired, observed, planPresent(desired.manifest, observed, paths));
    default:
      return assertNever(desired);
  }
}

/** systemd has taken a job and not begun it: a launch that looks as if it came to nothing, a stop that looks refused. */
function isAboutToChange({ unit }: Observed): boolean {
  const state = runState(unit);
  // A reload's job is there for as long as the reload runs, and waits for us.
  return unit.hasJob && (state === 'down' || (state === 'up' && unit.activeState !== 'reloading'));
}

function planPresent(manifest: Manifest, observed: Observed, paths: UnitPaths): Plan {
  const sandbox = hasOwnNetwork(manifest.spec) ? sandboxSpec(manifest, observed.sandbox) : null;
  const adopted = adoptedRun(manifest, observed);
  if (adopted !== null) return planAdopted(manifest, adopted, observed);
  switch (runState(observed.unit)) {
    case 'up':
    case 'starting':
      return planRunning(manifest, sandbox, observed, planRealisation(manifest, observed, paths));
    case 'stopping':
      return planStopping(observed);
    case 'down':
      return planDown(manifest, sandbox, observed, paths);
  }
}

function planRunning(
  manifest: Manifest,
  sandbox: SandboxSpec | null,
  observed: Observed,
  system: Realisation,
): Plan {
  const obstacle = findObstacle(manifest, sandbox, observed);
  if (observed.process === null && obstacle?.reason === 'UnitShadowed') return stalled(observed, obstacle);

  const { request, unit } = observed;
  if (request?.verb === 'stop') {
    // The stop first: systemd must know that the end that follows was asked for.
    const steps = [step('stop', {}, request.reason), ...killIfForced(observed)];
    return waiting(observed, steps, stopping(observed, 'it stays down'));
  }
  if (request?.verb === 'restart' && request.invocationId === unit.invocationId) {
    return waiting(observed, [step('stop', {}, request.reason)], stopping(observed, STARTED_AGAIN));
  }

  const restart = findRestartReason(manifest, sandbox, observed, system);
  // A guest is not stopped for a system that is not there yet, or will never be.
  if (restart !== null && observed.nix !== null && usableSystem(observed) === null)
    return withSystem(nothing(observed), system);
  if (restart !== null && obstacle !== null)
    return { ...stalled(observed, obstacle), steps: registration(observed) };
  if (restart !== null) {
    const mark = step('markRestart', { invocationId: unit.invocationId, cause: restart }, restart);
    return waiting(observed, [mark, step('stop', {}, restart)], stopping(observed, STARTED_AGAIN));
  }
  const cause = whyGivenUp(manifest, observed);
  if (cause !== null) {
    // Counted once, however often the stop has to be asked for; and it is not stopped before it was looked at once more.
    return waiting(
      observed,
      [isCountedRun(observed) ? step('stop', {}, cause) : countFailure(observed, unit.invocationId, cause)],
      stopping(observed, `restartPolicy (${manifest.spec.restartPolicy}) says what becomes of it`),
    );
  }
  const isMendable = !isMendingHindered(sandbox, observed) && observed.sandbox.isPrivate !== false;
  const mendable = isMendable && sandbox !== null ? asStarted(manifest, sandbox, observed) : null;
  const mend = waiting(
    observed,
    mendRunning(manifest, mendable, observed),
    waitForReadiness(manifest, observed),
  );
  const isSwitched = system.steps.length === 0 && runState(unit) === 'up';
  return withSystem(withSystem(mend, system), isSwitched ? planSwitch(manifest, observed) : {});
}

/** What Nix has to do comes after everything that may not wait for it. */
function withSystem(base: Plan, system: Partial<Realisation>): Plan {
  const waits = [base.waitingFor, system.waitingFor ?? null].filter(wait => wait !== null);
  const times = waits.map(({ until }) => until).filter(until => until !== null);
  const shown = waits.find(({ reason }) => reason !== 'Settling') ?? waits[0];
  return {
    ...base,
    steps: [...base.steps, ...(system.steps ?? [])],
    waitingFor:
      shown === undefined ? null : { ...shown, until: times.length === 0 ? null : Math.min(...times) },
    stalled: base.stalled ?? system.problem ?? null,
  };
}

/** What was changed in a way that takes a restart comes with it, and not before; null: that is all of the network. */
function asStarted(manifest: Manifest, sandbox: SandboxSpec, observed: Observed): SandboxSpec | null {
  if (observed.process?.launchHash === launchHash(manifest)) return sandbox;
  // A guest that still has a pair keeps it, and is guarded, though its manifest speaks of none any more.
  const keepsPair = !sandbox.hasPair && observed.sandbox.hostLink?.alias === sandbox.alias;
  return keepsPair ? null : withoutDevices(sandbox);
}

/** Why a running guest has to be stopped and started, or null. */
function findRestartReason(
  manifest: Manifest,
  sandbox: SandboxSpec | null,
  observed: Observed,
  system: Realisation,
): string | null {
  const isOutdated = observed.process !== null && observed.process.launchHash !== launchHash(manifest);
  if (isOutdated && manifest.spec.restartIfChanged) return 'the spec changed in a way that takes a restart';
  const { isJoined, isPrivate } = observed.sandbox;
  const isElsewhere = sandbox !== null && isJoined === false;
  // One that was started before it had a network of its own has no other.
  if (isElsewhere && (!isOutdated || isPrivate === true))
    return 'the guest runs in another network namespace than the one of its name';
  return system.steps.length === 0 ? restartForSystem(manifest, observed) : null;
}

/** What runs was found to be a failure, and has yet to be stopped for that. */
function isCountedRun({ history, unit }: Observed): boolean {
  return unit.invocationId !== '' && history.countedInvocationId === unit.invocationId;
}

/** What can be put right under a running guest. */
function mendRunning(manifest: Manifest, sandbox: SandboxSpec | null, observed: Observed): readonly Step[] {
  const { request, history, machine, unit, now, fifo } = observed;
  const steps: Step[] = [];
  if (request !== null) steps.push(step('clearRequest', {}, 'it runs'));
  const isCounted = isCountedRun(observed);
  if (isCounted)
    steps.push(
      step('takeBackFailure', { invocationId: unit.invocationId }, 'nothing speaks for its stop any more'),
    );
  const isEdited = history.seenSpecHash !== manifest.specHash;
  steps.push(...planProbes(manifest, observed));
  if (isEdited)
    steps.push(step('noteSpec', { specHash: manifest.specHash }, 'the running guest has this spec now'));
  const isNameless = observed.sandbox.namespace === 'absent' || observed.sandbox.namespace === 'stale';
  // Without its leader nobody knows which namespace the guest sits in.
  if (sandbox !== null && (!isNameless || machine?.isLeaderAlive)) {
    if (isNameless && machine !== null) {
      steps.push(step('attachNamespace', { leader: machine.leader }, 'the name of its namespace is gone'));
    }
    const drift = sandboxDrift(sandbox, observed.sandbox);
    if (drift.length > 0)
      steps.push(
        step(
          'buildSandbox',
          { sandbox, keepNamespace: true, after: lastRun(observed), isEdited },
          drift.join(', '),
        ),
      );
  }
  if (manifest.spec.readiness === 'fifo' && fifo.exists && !fifo.isListening && !hasStartedUp(observed)) {
    steps.push(step('listenFifo', {}, 'the guest will say there that it has started'));
  }
  steps.push(...keepSystems(observed));
  const wasReadyLongEnough = unit.activeAt !== null && now - unit.activeAt >= READY_RESET_MS;
  if (history.failures > 0 && !isCounted && isReady(manifest, observed) && wasReadyLongEnough) {
    steps.push(step('resetHistory', {}, `ready for ${READY_RESET_MS / 1000} s`));
  }
  // Last: where machined does not take it, all else is done all the same.
  return [...steps, ...registration(observed)];
}

function registration({ machine, machinedFault }: Observed): readonly Step[] {
  return machine?.isLeaderAlive && !machine.isRegistered && machinedFault === null
    ? [step('registerMachine', {}, 'it runs, and machined does not know it')]
    : [];
}

function waitForReadiness(manifest: Manifest, observed: Observed): Waiting | null {
  const { unit, history } = observed;
  if (runState(unit) === 'starting')
    return { reason: 'Starting', message: 'the guest is booting', until: null };
  if (!hasBooted(manifest, observed)) {
    const until = unit.activeAt === null ? null : unit.activeAt + manifest.spec.timeoutStartSec * 1000;
    return { reason: 'Starting', message: 'the guest has not written to its start-up FIFO yet', until };
  }
  const unready = unreadyBecause(manifest, observed);
  if (unready !== null) return { ...unready, until: null };
  if (history.failures === 0 || unit.activeAt === null) return null;
  return {
    reason: 'Settling',
    message: 'ready; its failures are forgotten after a while',
    until: unit.activeAt + READY_RESET_MS,
  };
}

function planDown(
  manifest: Manifest,
  sandbox: SandboxSpec | null,
  observed: Observed,
  paths: UnitPaths,
): Plan {
  const decision = decideRun(manifest, observed);
  if (decision.run === 'count') return { ...nothing(observed), steps: [decision.count] };

  const settled = settleStop(manifest, observed);
  if (settled.length > 0) return { ...nothing(observed), steps: settled };

  const obstacle = findObstacle(manifest, sandbox, observed);
  if (obstacle !== null) {
    const isToBeTried = decision.run === 'start' || decision.run === 'later';
    const steps = [...(isToBeTried ? cleanUp(observed) : []), ...returnInterfaces(observed)];
    return { ...stalled(observed, obstacle), steps };
  }
  if (observed.machine?.isLeaderAlive) {
    return waiting(observed, [], {
      reason: 'MachineEnding',
      message: 'machined still holds its last run',
      until: observed.now + 200,
    });
  }

  const system = planRealisation(manifest, observed, paths);
  // With another system another unit is written, so that comes first; without any there is nothing to write.
  if (system.steps.length > 0 || (observed.nix !== null && usableSystem(observed) === null))
    return withSystem({ ...nothing(observed), steps: returnInterfaces(observed) }, system);
  // While it is down the host has its interfaces.
  const isLaunched = decision.run === 'start' && heldBack(observed) === null;
  const wanted = sandbox === null || isLaunched ? sandbox : withoutInterfaces(sandbox);
  const prepare = [...cleanUp(observed), ...prepareLaunch(manifest, wanted, observed, paths)];
  return withSystem(launchOrWait(manifest, observed, decision, prepare), system);
}

function launchOrWait(
  manifest: Manifest,
  observed: Observed,
  decision: RunDecision,
  prepare: readonly Step[],
): Plan {
  switch (decision.run) {
    case 'start': {
      const held = heldBack(observed);
      if (held !== null) return waiting(observed, prepare, held);
      const launch = step('launch', { specHash: manifest.specHash, cause: decision.cause }, decision.because);
      const isFreshTry = decision.cause === 'asked' || decision.cause === 'edited';
      const reset =
        isFreshTry && observed.history.failures > 0 ? [step('resetHistory', {}, decision.because)] : [];
      const clear = observed.request === null ? [] : [step('clearRequest', {}, 'it was launched')];
      return waiting(observed, [...prepare, ...reset, launch, ...clear], {
        reason: 'Starting',
        message: 'the guest is booting',
        until: null,
      });
    }
    case 'later': {
      const message = `${decision.because}; next try at ${new Date(decision.at).toISOString()}`;
      return waiting(observed, prepare, { reason: 'BackOff', message, until: decision.at });
    }
    default:
      return { ...nothing(observed), steps: prepare };
  }
}

/** A stop that was asked for while it was down already (in its backoff, say) has to be on disk like any other. */
function settleStop(manifest: Manifest, { request, ended, history }: Observed): readonly Step[] {
  if (request?.verb !== 'stop') return [];
  const staysDown =
    ended?.isRequested && history.nextRetryAt === null && history.seenSpecHash === manifest.specHash;
  const record = step('recordStopped', { specHash: manifest.specHash }, request.reason);
  return [...(staysDown ? [] : [record]), step('clearRequest', {}, 'it is down')];
}

const STARTED_AGAIN = 'it is prepared as the manifest says, and started again';
const JOB_RECHECK_MS = 1000;
const JOB_PENDING = { reason: 'JobPending', message: 'systemd has a job for it in its queue' };
