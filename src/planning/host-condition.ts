import type { ConditionFact } from '../api/condition.ts';
import { machinedMessage } from './held-back.ts';
import { kernelLimitIn } from './kernel-limit.ts';
import type { Observed } from './observed.ts';
import type { Plan } from './plan.ts';
import { runState } from './run-state.ts';

/** What of the host is in the way; `ready` says why a container is not Ready, if it is not. */
export function hostFacts(
  ready: ConditionFact,
  observed: Observed,
  { waitingFor }: Plan,
): readonly ConditionFact[] {
  const fact = (reason: string, says: string): readonly ConditionFact[] => [
    { type: 'HostReady', status: 'False', reason, message: says },
  ];
  if (waitingFor?.reason === 'InotifyInstances' || waitingFor?.reason === 'MachinedUnavailable')
    return fact(waitingFor.reason, waitingFor.message);
  const { machinedFault, unit } = observed;
  if (machinedFault !== null && runState(unit) !== 'down')
    return fact('MachinedUnavailable', machinedMessage(machinedFault));
  const limit = ready.status === 'True' ? null : kernelLimitIn(ready.message);
  return limit === null ? [] : fact(limit.reason, limit.message);
}
