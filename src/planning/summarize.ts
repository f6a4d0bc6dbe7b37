import type { ConditionFact } from '../api/condition.ts';
import type { Phase } from '../api/container.ts';
import type { Manifest } from '../api/manifest.ts';
import { hasOwnNetwork } from '../api/own-network.ts';
import { formatProblem, type Problem } from '../api/problem.ts';
import { adoptedRun } from './adopted.ts';
import { changeClassOf, launchHash } from './change.ts';
import { degradedFacts } from './degraded.ts';
import type { Desired } from './desired.ts';
import { hostFacts } from './host-condition.ts';
import { isNixProblem, usableSystem } from './nix.ts';
import { systemLeftAlone } from './nix-switch.ts';
import type { Observed } from './observed.ts';
import { badRoot, foreignSandbox } from './obstacle.ts';
import type { Plan } from './plan.ts';
import { unreadyBecause } from './probes.ts';
import { hasGuestHosts } from './render/nspawn-argv.ts';
import { RENDERER } from './render/unit.ts';
import { decideRun, describeEnd, isCrashLooping, recentRestarts } from './restart.ts';
import { rolloutFacts } from './rollout-facts.ts';
import { hasBooted, isAboutToStart, isReady, runState } from './run-state.ts';
import { isInSandbox, sandboxDrift, sandboxSpec, sandboxText, withoutInterfaces } from './sandbox.ts';
import { howItStops } from './stopping.ts';

/** How applying a plan ended: every step done, or the error of the one that failed. */
export interface Outcome {
  readonly error: { readonly code: string; readonly message: string; readonly isFinal: boolean } | null;
}

/** What people are told; the store adds times and the generation. */
export interface Summary {
  readonly phase: Phase;
  readonly conditions: readonly ConditionFact[];
  readonly waitingFor: string | null;
  readonly nextRetryAt: number | null;
}

type Fact = ConditionFact;

/**
 * Status, from what is wanted and what is after the plan was applied. Always computed whole, at the end; never read back
 * by any decision.
 */
export function summarize(desired: Desired, observed: Observed, plan: Plan, outcome: Outcome): Summary {
  if (desired.state === 'absent') return summarizeRemoval(plan, outcome);
  if (desired.state === 'unknown') return summarizeUnknown(desired.reason, desired.problems, observed);

  const { manifest } = desired;
  const ready = readyFact(manifest, observed, plan, outcome);
  const conditions = [
    ready,
    manifestFact(desired),
    rootFact(manifest, observed, plan),
    networkFact(manifest, observed),
    runningFact(manifest, observed),
    ...abnormalFacts(desired, observed, plan, outcome),
    ...hostFacts(ready, observed, plan),
  ];
  return {
    phase: phaseOf(manifest, observed, plan, ready),
    conditions,
    waitingFor:
      plan.waitingFor === null || plan.waitingFor.reason === 'Settling' ? null : plan.waitingFor.message,
    nextRetryAt: plan.waitingFor?.reason === 'BackOff' ? plan.waitingFor.until : null,
  };
}

function summarizeRemoval(plan: Plan, outcome: Outcome): Summary {
  const message =
    outcome.error?.message ?? plan.waitingFor?.message ?? 'its manifest is gone; it is being removed';
  const suspended: readonly Fact[] =
    plan.waitingFor?.reason === 'Suspended'
      ? [{ type: 'Suspended', status: 'True', reason: 'Asked', message: plan.waitingFor.message }]
      : [];
  return {
    phase: 'Removing',
    conditions: [{ type: 'Ready', status: 'False', reason: 'Removing', message }, ...suspended],
    waitingFor: plan.waitingFor?.message ?? null,
    nextRetryAt: null,
  };
}

function summarizeUnknown(reason: string, problems: readonly Problem[], observed: Observed): Summary {
  const message = problems.length > 0 ? problemsText(problems) : reason;
  const isRunning = runState(observed.unit) === 'up';
  return {
    phase: problems.length > 0 ? 'Invalid' : isRunning ? 'Running' : 'Unknown',
    conditions: [
      {
        type: 'Ready',
        status: isRunning ? 'True' : 'False',
        reason: problems.length > 0 ? 'ManifestInvalid' : 'Unknown',
        message,
      },
      {
        type: 'ManifestValid',
        status: problems.length > 0 ? 'False' : 'Unknown',
        reason: problems.length > 0 ? 'Invalid' : 'Missing',
        message,
      },
    ],
    waitingFor: null,
    nextRetryAt: null,
  };
}

function readyFact(manifest: Manifest, observed: Observed, plan: Plan, outcome: Outcome): Fact {
  const fact = (status: Fact['status'], reason: string, message: string): Fact => ({
    type: 'Ready',
    status,
    reason,
    message,
  });
  const adopted = adoptedRun(manifest, observed);
  if (adopted?.state === 'up')
    return fact('True', 'Adopted', `it runs in ${adopted.unit}, as before it had a manifest`);
  if (isReady(manifest, observed)) return fact('True', 'Ready', readyMessage(manifest));
  const unready = hasBooted(manifest, observed) ? unreadyBecause(manifest, observed) : null;
  if (unready !== null) return fact('False', unready.reason, unready.message);
  if (plan.stalled !== null) return fact('False', plan.stalled.reason, plan.stalled.message);
  if (outcome.error !== null) return fact('False', outcome.error.code, outcome.error.message);
  const state = runState(observed.unit);
  if (state === 'stopping') return fact('False', 'Stopping', howItStops(observed));
  if (state === 'starting' || state === 'up')
    return fact('False', 'Starting', plan.waitingFor?.message ?? 'the guest is booting');

  const { waitingFor } = plan;
  if (waitingFor !== null && isAboutToStart(observed))
    return fact('False', waitingFor.reason, waitingFor.message);

  const lastEnd = lastEndText(observed);
  if (plan.waitingFor?.reason === 'BackOff')
    return fact('False', 'BackOff', `${plan.waitingFor.message}${lastEnd}`);
  const decision = decideRun(manifest, observed);
  if (decision.run === 'stay')
    return fact(
      'False',
      decision.reason,
      `${decision.message}${decision.reason === 'Failed' ? lastEnd : ''}`,
    );
  if (plan.waitingFor !== null) return fact('False', plan.waitingFor.reason, plan.waitingFor.message);
  return fact('False', 'Pending', 'it is about to be started');
}

function readyMessage({ spec }: Manifest): string {
  if (spec.readinessProbe !== undefined) return 'the guest has booted, and its readinessProbe is good';
  if (spec.readiness === 'notify') return 'the guest reports that it has booted';
  return spec.readiness === 'fifo' ? 'the guest wrote to its start-up FIFO' : 'the guest has started';
}

/** The last journal lines of the run that ended, indented below the sentence. */
function lastEndText({ ended }: Observed): string {
  if (ended === null || ended.lastLines.length === 0) return '';
  return `; its last lines:\n${ended.lastLines.map(line => `  ${line}`).join('\n')}`;
}

function manifestFact(desired: Extract<Desired, { state: 'present' }>): Fact {
  const { problems, heldBecause } = desired;
  if (problems.length > 0) {
    const message = `the last good version stays in force:\n${problemsText(problems)}`;
    return { type: 'ManifestValid', status: 'False', reason: 'Invalid', message };
  }
  if (heldBecause !== undefined) {
    const message = `the manifest is gone, the last good version stays in force: ${heldBecause.message}`;
    return { type: 'ManifestValid', status: 'Unknown', reason: 'Missing', message };
  }
  const { file, line } = desired.manifest.place;
  return { type: 'ManifestValid', status: 'True', reason: 'Accepted', message: `${file}:${line}` };
}

function problemsText(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n');
}

function rootFact(manifest: Manifest, observed: Observed, plan: Plan): Fact {
  const obstacle = badRoot(manifest, observed) ?? (isNixProblem(plan.stalled) ? plan.stalled : null);
  if (obstacle !== null)
    return { type: 'RootReady', status: 'False', reason: obstacle.reason, message: obstacle.message };
  if (observed.nix !== null) return systemFact(observed, plan);
  return { type: 'RootReady', status: 'True', reason: 'Found', message: observed.root.realPath };
}

function systemFact(observed: Observed, plan: Plan): Fact {
  const system = usableSystem(observed);
  if (system === null) {
    const { reason, message } = plan.waitingFor ?? { reason: 'Pending', message: 'it has no system yet' };
    return { type: 'RootReady', status: 'False', reason, message };
  }
  const message = `${observed.root.realPath}, generation ${system.generation}: ${system.closure}`;
  return { type: 'RootReady', status: 'True', reason: 'Found', message };
}

function networkFact(manifest: Manifest, observed: Observed): Fact {
  const fact = (status: Fact['status'], reason: string, message: string): Fact => ({
    type: 'NetworkReady',
    status,
    reason,
    message,
  });
  const adopted = adoptedRun(manifest, observed);
  if (adopted !== null)
    return fact('Unknown', 'Adopted', `its network is as ${adopted.unit} made it, until it is restarted`);
  if (!hasOwnNetwork(manifest.spec)) return fact('True', 'HostNetwork', "it shares the host's network");
  if (observed.sandbox.isPrivate === false)
    return fact('False', 'RestartRequired', "it shares the host's network until it is restarted");
  const whole = sandboxSpec(manifest, observed.sandbox);
  const missing = observed.sandbox.hostInterfaces.find(
    ({ name, state }) => state === 'missing' && !isInSandbox(name, observed.sandbox),
  );
  if (missing !== undefined)
    return fact('False', 'InterfaceMissing', `this host has no network interface ${missing.name}`);
  const spec = runState(observed.unit) === 'down' ? withoutInterfaces(whole) : whole;
  const foreign = foreignSandbox(spec, observed);
  if (foreign !== null) return fact('False', foreign.reason, foreign.message);
  const drift = sandboxDrift(spec, observed.sandbox);
  if (drift.length > 0) return fact('False', 'SandboxIncomplete', drift.join(', '));
  const names = hasGuestHosts(manifest) || !spec.hasPair ? '' : ' (guestHosts is off)';
  return fact('True', 'SandboxReady', `${sandboxText(spec)}${names}`);
}

const BEING_STARTED = 'systemd is starting its nspawn';

function runningFact(manifest: Manifest, observed: Observed): Fact {
  const { unit, ended } = observed;
  const adopted = adoptedRun(manifest, observed);
  if (adopted !== null)
    return { type: 'Running', status: 'True', reason: 'Adopted', message: `in ${adopted.unit}` };
  const fact = (status: Fact['status'], reason: string, message: string): Fact => ({
    type: 'Running',
    status,
    reason,
    message,
  });
  switch (runState(unit)) {
    case 'up':
      return fact('True', 'Active', `main process ${unit.mainPid}`);
    case 'starting':
      return fact('True', 'Activating', unit.mainPid === 0 ? BEING_STARTED : `main process ${unit.mainPid}`);
    case 'stopping':
      return fact('True', 'Deactivating', 'the unit is stopping');
    case 'down':
      return fact('False', 'Inactive', ended === null ? 'it has not run since boot' : describeEnd(ended));
  }
}

function abnormalFacts(
  desired: Extract<Desired, { state: 'present' }>,
  observed: Observed,
  plan: Plan,
  outcome: Outcome,
): readonly Fact[] {
  const { manifest, heldBecause } = desired;
  const facts: Fact[] = [];
  const add = (type: Fact['type'], status: Fact['status'], reason: string, message: string) =>
    facts.push({ type, status, reason, message });

  if (plan.waitingFor !== null && plan.waitingFor.reason !== 'Settling') {
    add('Reconciling', 'True', plan.waitingFor.reason, plan.waitingFor.message);
  } else if (outcome.error !== null && !outcome.error.isFinal) {
    add('Reconciling', 'True', outcome.error.code, outcome.error.message);
  }
  if (plan.stalled !== null) add('Stalled', 'True', plan.stalled.reason, plan.stalled.message);
  else if (outcome.error?.isFinal) add('Stalled', 'True', outcome.error.code, outcome.error.message);
  facts.push(...rolloutFacts(desired));
  if (plan.waitingFor?.reason === 'Suspended') add('Suspended', 'True', 'Asked', plan.waitingFor.message);
  if (isCrashLooping(observed)) {
    add(
      'CrashLooping',
      'True',
      'TooManyRestarts',
      `${recentRestarts(observed).length} restarts in ten minutes: ${observed.history.lastFailure}`,
    );
  }
  const restart = restartRequired(manifest, observed);
  if (restart !== null) add('RestartRequired', 'True', restart.reason, restart.message);
  if (heldBecause !== undefined) add('PruneBlocked', 'True', heldBecause.reason, heldBecause.message);
  facts.push(...degradedFacts(manifest, observed));
  const sharesIdWith = observed.machine?.sharesIdWith ?? [];
  if (sharesIdWith.length > 0) {
    const message = `the same machine-id as ${sharesIdWith.join(', ')}: empty etc/machine-id in the shared tree, so that each guest gets its own`;
    add('MachineIdShared', 'True', 'SameTree', message);
  }
  return facts;
}

function restartRequired(manifest: Manifest, observed: Observed): { reason: string; message: string } | null {
  const { process, unit } = observed;
  const adopted = adoptedRun(manifest, observed);
  if (adopted !== null)
    return {
      reason: 'Adopted',
      message: `${adopted.unit} runs it; it is nspawnd's from its next start on, when it suits: nspawnctl restart ${manifest.name}`,
    };
  if (process === null || runState(unit) === 'down') return null;
  if (process.launchHash !== launchHash(manifest)) {
    const fields = Object.keys(manifest.written).filter(field => changeClassOf(field) === 'restart');
    return {
      reason: 'SpecChanged',
      message: `it runs with an older spec (one of ${fields.join(', ')} changed); run: nspawnctl restart ${manifest.name}`,
    };
  }
  const system = systemLeftAlone(manifest, observed);
  if (system !== null) return system;
  if (process.renderer !== RENDERER) {
    return {
      reason: 'NewRenderer',
      message: `this nspawnd would write another unit; take it over when it suits: nspawnctl restart ${manifest.name}`,
    };
  }
  return null;
}

function phaseOf(manifest: Manifest, observed: Observed, plan: Plan, ready: Fact): Phase {
  const adopted = adoptedRun(manifest, observed);
  switch (adopted?.state ?? runState(observed.unit)) {
    case 'up':
      return ready.status === 'True' || ready.reason === 'ReadinessProbeFailed' ? 'Running' : 'Starting';
    case 'starting':
      return 'Starting';
    case 'stopping':
      return 'Stopping';
    case 'down':
      break;
  }
  if (plan.stalled !== null) return 'Stalled';
  if (plan.waitingFor?.reason === 'BackOff') return 'BackOff';
  if (isAboutToStart(observed)) return 'Pending';
  const decision = decideRun(manifest, observed);
  if (decision.run !== 'stay') return 'Pending';
  return decision.reason === 'ExitedCleanly' ? 'Exited' : decision.reason === 'Failed' ? 'Failed' : 'Stopped';
}
