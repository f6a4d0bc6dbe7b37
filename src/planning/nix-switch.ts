import type { Manifest } from '../api/manifest.ts';
import { isAsked, usableSystem } from './nix.ts';
import type { SwitchRecord } from './nix-facts.ts';
import type { Observed } from './observed.ts';
import type { Waiting } from './plan.ts';
import { hasBooted, hasStartedUp, runState, wasGivenFifo } from './run-state.ts';
import { type Step, step } from './step.ts';

/** Bringing a new system to a guest that runs, without a restart: `switch-to-configuration test`, as the origin's reload. */

export interface SwitchPlan {
  readonly steps: readonly Step[];
  readonly waitingFor: Waiting | null;
}

const NOTHING: SwitchPlan = { steps: [], waitingFor: null };

/** The switch of this very run; what an earlier run was switched to has ended with it. */
export function switchOfRun({ nix, unit }: Observed): SwitchRecord | null {
  const last = nix?.lastSwitch ?? null;
  return last !== null && last.invocationId === unit.invocationId ? last : null;
}

/** What the guest runs: what it was switched to, else what it booted. Empty where nobody knows: a switch failed half-way. */
export function runningClosure(observed: Observed): string {
  const last = switchOfRun(observed);
  if (last !== null) return last.isGood ? last.closure : '';
  return observed.process?.systemPath ?? '';
}

/** The profile leads to another system than the guest runs. */
export function isOtherSystem(observed: Observed): boolean {
  const system = usableSystem(observed);
  return system !== null && observed.process !== null && runningClosure(observed) !== system.closure;
}

/** Why a running guest has to be restarted for its system, or null. */
export function restartForSystem({ spec }: Manifest, observed: Observed): string | null {
  const restarts = spec.update === 'restart' && spec.restartIfChanged;
  return restarts && isOtherSystem(observed) ? 'it has a new system' : null;
}

/** For a guest that is up. */
export function planSwitch(manifest: Manifest, observed: Observed): SwitchPlan {
  const { nix, machine, unit } = observed;
  const system = usableSystem(observed);
  if (nix === null) return NOTHING;
  const reloading: Waiting = {
    reason: 'Reloading',
    message: 'the guest switches to its new system',
    until: observed.now + manifest.spec.timeoutStartSec * 1000,
  };
  if (nix.switchingTo !== null) return { steps: [], waitingFor: reloading };
  const last = nix.lastSwitch;
  const report = last === null || last.isReported ? [] : [step('reportSwitch', { record: last }, last.how)];
  const isForced = isAsked(nix, 'switch');
  const take =
    isForced && nix.update !== null ? [step('takeUpdate', { at: nix.update.at }, 'it has begun')] : [];
  if (system === null || observed.process === null) return { steps: [...report, ...take], waitingFor: null };
  if (!isForced && (manifest.spec.update !== 'reload' || !isOtherSystem(observed)))
    return { ...NOTHING, steps: report };
  const hasFailed = switchOfRun(observed)?.closure === system.closure && !switchOfRun(observed)?.isGood;
  if (!isForced && hasFailed) return { ...NOTHING, steps: report };
  // A guest that boots has no way in yet, and its readiness brings it back here.
  const isBooting = !hasBooted(manifest, observed) || hasYetToSay(observed);
  if (isBooting || !machine?.isLeaderAlive) return { ...NOTHING, steps: report };
  const begin = step(
    'startSwitch',
    {
      closure: system.closure,
      leader: machine.leader,
      invocationId: unit.invocationId,
      timeoutSec: manifest.spec.timeoutStartSec,
    },
    isForced ? 'asked for' : `generation ${system.generation} is new`,
  );
  return { steps: [...report, begin, ...take], waitingFor: reloading };
}

/** It was launched with a start-up FIFO, whatever its manifest says by now, and has not written to it. */
function hasYetToSay(observed: Observed): boolean {
  return wasGivenFifo(observed) && !hasStartedUp(observed);
}

/** Why the guest still runs another system than its profile leads to, where it was left alone; null where it was not. */
export function systemLeftAlone(
  manifest: Manifest,
  observed: Observed,
): { readonly reason: 'NewSystem' | 'SwitchFailed'; readonly message: string } | null {
  const system = usableSystem(observed);
  if (system === null || runState(observed.unit) === 'down' || !isOtherSystem(observed)) return null;
  const { spec, name } = manifest;
  const next = `run: nspawnctl restart ${name}`;
  const last = switchOfRun(observed);
  if (last !== null && !last.isGood && last.closure === system.closure) {
    const output = last.output === '' ? '' : `; its last lines:\n${last.output.replace(/^/gm, '  ')}`;
    return {
      reason: 'SwitchFailed',
      message: `switch-to-configuration ${last.how}; ${next} (or try again: nspawnctl update ${name})${output}`,
    };
  }
  if (spec.update === 'reload' || (spec.update === 'restart' && spec.restartIfChanged)) return null;
  const why = spec.update === 'none' ? 'update is none' : 'restartIfChanged is false';
  return {
    reason: 'NewSystem',
    message: `generation ${system.generation} is new and ${why}; ${next} (or reload it: systemctl reload container@${name})`,
  };
}
