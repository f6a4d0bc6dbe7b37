import { type Condition, type ConditionType, findCondition } from '../api/condition.ts';
import type { EventFact } from './step-events.ts';

/** What people are told when a guest that has booted turns bad, or good again, by what it answers. */
export function probeEvents(before: readonly Condition[], after: readonly Condition[]): readonly EventFact[] {
  const pair = (type: ConditionType) => [findCondition(before, type), findCondition(after, type)] as const;
  const events: EventFact[] = [];
  const [wasReady, ready] = pair('Ready');
  if (ready?.reason === 'ReadinessProbeFailed' && wasReady?.reason !== ready.reason)
    events.push({ type: 'Warning', reason: 'Unhealthy', message: ready.message });
  const [wasDegraded, degraded] = pair('Degraded');
  if (degraded !== undefined && wasDegraded?.message !== degraded.message)
    events.push({ type: 'Warning', reason: 'Degraded', message: degraded.message });
  if (degraded === undefined && wasDegraded !== undefined && ready?.status === 'True')
    events.push({ type: 'Normal', reason: 'Recovered', message: `no more ${wasDegraded.message}` });
  return events;
}
