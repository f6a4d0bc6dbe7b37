import { unitName } from '../api/container.ts';
import type { Manifest } from '../api/manifest.ts';
import type { AdoptedRun } from './adopted.ts';
import type { Observed } from './observed.ts';
import { badRoot, instanceShadow } from './obstacle.ts';
import type { Plan, Waiting } from './plan.ts';
import { type Step, step } from './step.ts';

/**
 * A guest that runs in the unit it ran in before it had a manifest: it is left alone, whatever differs, until somebody
 * asks. When it has ended, the next start is ours.
 */
export function planAdopted(manifest: Manifest, adopted: AdoptedRun, observed: Observed): Plan {
  const { name, request } = observed;
  const plan = (steps: readonly Step[], waitingFor: Waiting | null = null): Plan => ({
    key: name,
    steps,
    waitingFor,
    stalled: null,
  });
  if (adopted.state === 'stopping') return plan([], STOPPING);
  if (request === null) return plan([]);
  if (request.verb === 'start') return plan([step('clearRequest', {}, 'it runs')]);
  // What could not be started again is not stopped for a restart.
  const obstacle =
    request.verb === 'restart' ? (instanceShadow(observed) ?? badRoot(manifest, observed)) : null;
  if (obstacle !== null) return { ...plan([]), stalled: obstacle };
  const isOwnName = adopted.unit === unitName(name);
  const isForEarlierRun = isOwnName && request.invocationId !== observed.unit.invocationId;
  if (request.verb === 'restart' && isForEarlierRun) return plan([step('clearRequest', {}, 'it runs')]);
  const stop = isOwnName
    ? step('stop', {}, request.reason)
    : step('stopFormer', { unit: adopted.unit }, request.reason);
  return plan([stop], STOPPING);
}

const STOPPING: Waiting = { reason: 'Stopping', message: 'the guest is powering off', until: null };
