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
  const steps = observed.isStopping
    ? []
    : [
        ...((observed.hostsBlock ?? '') === wanted
          ? []
          : [step('updateHostsFile', { hosts: desired.hosts }, 'the names of the containers changed')]),
        ...(outdated.length === 0
          ? []
          : [step('updateGuestHosts', { hosts: desired.hosts }, `outdated: ${outdated.join(', ')}`)]),
      ];
  return { key: HOST_KEY, steps, waitingFor: null, stalled: null };
}
