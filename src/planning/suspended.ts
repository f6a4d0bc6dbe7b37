import type { Observed, Suspension } from './observed.ts';
import { type Plan, waiting } from './plan.ts';
import { step } from './step.ts';

/** Nothing is done while a person has asked for it; when the time is over, that is noted before anything else. */
export function planSuspended(observed: Observed, planAsIfNot: (observed: Observed) => Plan): Plan {
  const { suspension } = observed;
  if (suspension === null) return planAsIfNot(observed);
  if (suspension.until === null || suspension.until > observed.now)
    return waiting(observed, [], {
      reason: 'Suspended',
      message: suspendedMessage(observed.name, suspension),
      until: suspension.until,
    });
  const plan = planAsIfNot({ ...observed, suspension: null });
  return { ...plan, steps: [step('endSuspension', {}, 'its time is over'), ...plan.steps] };
}

function suspendedMessage(name: string, { until }: Suspension): string {
  const end = until === null ? '' : ` until ${new Date(until).toISOString()}`;
  return `nspawnd was asked to keep its hands off${end}; to end that: nspawnctl resume ${name}`;
}
