import { unitName } from '../api/container.ts';
import type { Manifest } from '../api/manifest.ts';
import type { AdoptedRun } from './adopted.ts';
import type { Observed } from './observed.ts';
import { badRoot, instanceShadow } from './obstacle.ts';
import { nothing, type Plan, stalled, waiting } from './plan.ts';
import { step } from './step.ts';
import { STOPPING } from './stopping.ts';

/**
 * A guest that runs in the unit it ran in before it had a manifest: it is left alone, whatever differs, until somebody
 * asks. When it has ended, the next start is ours.
 */
export function planAdopted(manifest: Manifest, adopted: AdoptedRun, observed: Observed): Plan {
  const { name, request } = observed;
  const fulfilled = waiting(observed, [step('clearRequest', {}, 'it runs')], null);
  if (adopted.state === 'stopping') return waiting(observed, [], STOPPING);
  if (request === null) return nothing(observed);
  if (request.verb === 'start') return fulfilled;
  // What could not be started again is not stopped for a restart.
  const obstacle =
    request.verb === 'restart' ? (instanceShadow(observed) ?? badRoot(manifest, observed)) : null;
  if (obstacle !== null) return stalled(observed, obstacle);
  const isOwnName = adopted.unit === unitName(name);
  const isForEarlierRun = isOwnName && request.invocationId !== observed.unit.invocationId;
  if (request.verb === 'restart' && isForEarlierRun) return fulfilled;
  const stop = isOwnName
    ? step('stop', {}, request.reason)
    : step('stopFormer', { unit: adopted.unit }, request.reason);
  return waiting(observed, [stop], STOPPING);
}
