import { waitForMachined } from './held-back.ts';
import type { Observed } from './observed.ts';
import { nothing, type Plan, waiting } from './plan.ts';
import { cleanUp } from './prepare.ts';
import { runState } from './run-state.ts';
import { isSandboxGone } from './sandbox.ts';
import { type Step, step } from './step.ts';
import { planStopping, stopping } from './stopping.ts';

/** A container without a manifest: it is stopped, and everything of ours is removed but its root and its generations. */
export function planRemoval(observed: Observed): Plan {
  const isOurs = observed.unitFile.owner === 'ours' || observed.process !== null;
  const state = runState(observed.unit);
  if (isOurs && (state === 'up' || state === 'starting')) {
    const steps = [step('stop', {}, MANIFEST_GONE), ...removeBuilds(observed)];
    return waiting(observed, steps, stopping(observed, 'everything of it is removed but its root'));
  }
  if (isOurs && state === 'stopping') return planStopping(observed);
  const steps = [...cleanUp(observed), ...removeEverything(observed)];
  if (observed.machinedFault === null) return { ...nothing(observed), steps };
  // It may come back with a registration that nobody would end any more.
  const remembering = steps.filter(({ name }) => name !== 'forget');
  return waiting(observed, remembering, waitForMachined(observed.machinedFault, observed.now));
}

const MANIFEST_GONE = 'its manifest is gone';

/** Also a build that still runs: nobody wants what it makes. */
function removeBuilds({ hasNixLeftovers }: Observed): readonly Step[] {
  return hasNixLeftovers ? [step('removeNix', {}, MANIFEST_GONE)] : [];
}

function removeEverything(observed: Observed): readonly Step[] {
  const because = MANIFEST_GONE;
  const { ended, request, hasMemory, fifo } = observed;
  const hasRecords = ended !== null || request !== null || hasMemory;
  return [
    ...(isSandboxGone(observed.name, observed.sandbox) ? [] : [step('removeSandbox', {}, because)]),
    ...(observed.unitFile.owner === 'ours' ? [step('removeUnit', {}, because)] : []),
    ...(fifo.exists || fifo.startedInvocationId !== '' ? [step('removeFifo', {}, because)] : []),
    ...(observed.guestHosts === 'present' ? [step('removeGuestHosts', {}, because)] : []),
    ...removeBuilds(observed),
    ...(observed.keptSystems.length > 0 ? [step('keepSystems', { closures: [] }, because)] : []),
    ...(hasRecords ? [step('forget', {}, because)] : []),
  ];
}
