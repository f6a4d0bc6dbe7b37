import type { Manifest } from '../api/manifest.ts';
import type { Observed } from './observed.ts';
import { failedProbe } from './probes.ts';
import { hasYetToWrite } from './run-state.ts';

/** Why a guest that runs has to be stopped as a failure; null: it has not. */
export function whyGivenUp(manifest: Manifest, observed: Observed): string | null {
  return missedStartup(manifest, observed) ?? failedProbe(manifest, observed);
}

function missedStartup(manifest: Manifest, observed: Observed): string | null {
  if (!hasYetToWrite(manifest, observed)) return null;
  const { timeoutStartSec } = manifest.spec;
  const { activeAt } = observed.unit;
  // Its FIFO was looked at a while ago: what it wrote since was written in time.
  return activeAt !== null && observed.lookedAt >= activeAt + timeoutStartSec * 1000
    ? `nothing was written to the start-up FIFO within ${timeoutStartSec} s`
    : null;
}
