import { unitName } from '../api/container.ts';
import type { Observed } from './observed.ts';
import { type Plan, type Waiting, waiting } from './plan.ts';
import { type Step, step } from './step.ts';

export const STOPPING: Waiting = { reason: 'Stopping', message: 'the guest is powering off', until: null };
const KILLING: Waiting = { reason: 'Stopping', message: 'the guest is being killed', until: null };

/** Waiting for the end of a guest of which a stop has just been asked. */
export function stopping(observed: Observed, next: string): Waiting {
  return { ...(isForced(observed) ? KILLING : STOPPING), next };
}

/** How a guest that is on its way down goes there. */
export function howItStops(observed: Observed): string {
  return (isForced(observed) ? KILLING : STOPPING).message;
}

/** After this long a guest that was stopped before it could hear is asked once more. */
const DEAF_GRACE_MS = 2000;
/** A guest this young when its stop came may have had no handler for it yet. */
const DEAF_AGE_MS = 10_000;

/**
 * One SIGTERM is systemd's. It is lost on a guest whose init has no handler yet. One that was still starting has nothing
 * to lose and gets the second SIGTERM, which ends it. One that counts as started (`command`, fifo, started) may have begun
 * its work: it is asked again, which changes nothing where the first time was heard.
 */
export function planStopping(observed: Observed): Plan {
  const { unit, machine, now } = observed;
  const { activeAt, stateChangedAt } = unit;
  const kills = killIfForced(observed);
  if (kills.length > 0) return waiting(observed, kills, KILLING);
  if (stateChangedAt === null) return waiting(observed, [], STOPPING);
  const isStarting = activeAt === null;
  if (!isStarting && stateChangedAt - activeAt >= DEAF_AGE_MS) return waiting(observed, [], STOPPING);
  const due = stateChangedAt + DEAF_GRACE_MS;
  if (now < due) return waiting(observed, [], { ...STOPPING, until: due });
  if (isStarting) {
    const kill = step('killActivating', {}, 'stopped while starting, it has no handler for a clean stop');
    return waiting(observed, [kill], STOPPING);
  }
  if (!machine?.isLeaderAlive || machine.unit !== unitName(observed.name))
    return waiting(observed, [], STOPPING);
  const askAgain = step(
    'askAgain',
    {},
    'stopped right after its start, it may not have heard the first time',
  );
  return waiting(observed, [askAgain], { ...STOPPING, until: now + DEAF_GRACE_MS });
}

/** `nspawnctl terminate`, also of one that is powering off already. Not once it is dead: what records its end is left alone. */
export function killIfForced(observed: Observed): readonly Step[] {
  const { request, unit } = observed;
  return request !== null && isForced(observed) && unit.mainPid > 0
    ? [step('killMain', {}, request.reason)]
    : [];
}

function isForced({ request }: Observed): boolean {
  return request?.verb === 'stop' && request.isForced === true;
}
