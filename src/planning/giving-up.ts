import type { Manifest } from '../api/manifest.ts';
import type { Observed } from './observed.ts';
import { failedProbe } from './probes.ts';
import { hasStartedUp, isToWriteToFifo } from './run-state.ts';

/** Why a guest that runs has to be stopped as a failure; null: it has not. */
export function whyGivenUp(manifest: Manifest, observed: Observed): string | null {
  return missedStartup(manifest, observed) ?? failedProbe(manifest, observed);
}

function missedStartup(manifest: Manifest, observed: Observed): string | null {
  if (!isToWriteToFifo(manifest, observed) || hasStartedUp(observed)) return null;
  const { spec } = manifest;
  const { activeAt } = observed.unit;
  return activeAt !== null && observed.now >= activeAt + spec.timeoutStartSec * 1000
    ? `nothing was written to the start-up FIFO within ${spec.timeoutStartSec} s`
    : null;
}
