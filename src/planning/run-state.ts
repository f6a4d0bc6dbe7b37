import type { Manifest } from '../api/manifest.ts';
import type { Observed, UnitFacts } from './observed.ts';
import { areProbesGood } from './probes.ts';

/** systemd's many unit states as the four that decide anything. */
export type RunState = 'down' | 'starting' | 'up' | 'stopping';

export function runState(unit: Pick<UnitFacts, 'activeState'>): RunState {
  switch (unit.activeState) {
    case 'active':
    case 'reloading':
    case 'refreshing':
      return 'up';
    case 'activating':
      return 'starting';
    case 'deactivating':
      return 'stopping';
    case 'inactive':
    case 'failed':
    case 'maintenance':
      return 'down';
  }
}

/** It is down, and systemd has a job for it, or is being asked for one: how it ended before says nothing of it any more. */
export function isAboutToStart({ unit }: Observed): boolean {
  return unit.hasJob && runState(unit) === 'down';
}

/** The ladder of readiness: the guest has booted, then its probes. */
export function isReady(manifest: Manifest, observed: Observed): boolean {
  return hasBooted(manifest, observed) && areProbesGood(manifest, observed);
}

/** The unit is active (which with `notify` means that the guest's init said so), then the FIFO. */
export function hasBooted(manifest: Manifest, observed: Observed): boolean {
  if (runState(observed.unit) !== 'up') return false;
  return !hasYetToWrite(manifest, observed);
}

/** It has been launched, and has not come up yet: the time in which it takes more of the host than later. */
export function isBooting(manifest: Manifest, observed: Observed): boolean {
  const { unit } = observed;
  const state = runState(unit);
  if (state === 'starting') return true;
  if (state === 'down') return unit.hasJob;
  return state === 'up' && hasYetToWrite(manifest, observed);
}

/** To its start-up FIFO, as its manifest says. One that was launched before the manifest said so has none to write to. */
export function hasYetToWrite(manifest: Manifest, observed: Observed): boolean {
  return manifest.spec.readiness === 'fifo' && wasGivenFifo(observed) && !hasStartedUp(observed);
}

/** Of a process that cannot be read: there is one it may have been given. */
export function wasGivenFifo({ process, fifo }: Observed): boolean {
  return process?.hasFifo ?? fifo.exists;
}

/** The running guest has written to its start-up FIFO. */
export function hasStartedUp(observed: Observed): boolean {
  return (
    observed.fifo.startedInvocationId !== '' &&
    observed.fifo.startedInvocationId === observed.unit.invocationId
  );
}
