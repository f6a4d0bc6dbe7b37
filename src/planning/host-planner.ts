import type { HostDesired, HostObserved } from './host-state.ts';
import type { Plan } from './plan.ts';
import { hostsBlock } from './render/hosts-block.ts';
import { type HostStep, step } from './step.ts';

/** The key of the host's own artefacts. Not a container name: those have no `@`. */
export const HOST_KEY = '@host';

/** Brings the hosts files, the host's and the guests', to what all containers together want. */
export function planHost(
  desired: HostDesired,
  observed: HostObserved,
): Plan & { readonly steps: readonly HostStep[] } {
  const wanted = hostsBlock(desired.hosts);
  const outdated = Object.entries(observed.guestBlocks)
    .filter(([, block]) => block !== wanted)
    .map(([name]) => name);
  const isHostOutdated = (observed.hostsBlock ?? '') !== wanted;
  // A guest whose file is made in this moment takes the host's names, old or new, and is not seen here yet.
  const because = outdated.length > 0 ? `outdated: ${outdated.join(', ')}` : 'some may be new';
  const isGuestOutdated = outdated.length > 0 || isHostOutdated;
  const { hosts } = desired;
  const steps = [
    ...(isHostOutdated ? [step('updateHostsFile', { hosts }, 'the names of the containers changed')] : []),
    ...(isGuestOutdated ? [step('updateGuestHosts', { hosts }, because)] : []),
  ];
  return { key: HOST_KEY, steps: observed.isStopping ? [] : steps, waitingFor: null, stalled: null };
}
