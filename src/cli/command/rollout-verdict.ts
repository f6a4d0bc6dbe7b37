import { findCondition } from '../../api/condition.ts';
import type { Container, Phase } from '../../api/container.ts';

/** How far an edited spec has come. */
export type RolloutVerdict =
  | { readonly is: 'done' }
  | { readonly is: 'underway' }
  | { readonly is: 'failed'; readonly message: string };

/** Pure; null: the container is gone. */
export function judgeRollout(container: Container | null): RolloutVerdict {
  if (container === null) return { is: 'failed', message: 'its manifest is gone, and so is the container' };
  const { conditions, phase, rollout } = container.status;
  const valid = findCondition(conditions, 'ManifestValid');
  if (valid?.status === 'False') return { is: 'failed', message: valid.message };
  const rolledBack = findCondition(conditions, 'RolledBack');
  if (rolledBack?.status === 'True') return { is: 'failed', message: rolledBack.message };
  const ready = findCondition(conditions, 'Ready');
  if (ready?.status === 'True') {
    if (rollout === undefined || rollout.state === 'Complete') return { is: 'done' };
    // It runs with what it had before, and only a person can mend what is in the way of the rest.
    const inTheWay =
      findCondition(conditions, 'Stalled') ?? conditions.find(({ reason }) => reason === 'SwitchFailed');
    return inTheWay === undefined
      ? { is: 'underway' }
      : { is: 'failed', message: `${inTheWay.reason}: ${inTheWay.message}` };
  }
  // What is down and stays so becomes Ready when somebody starts it, and not before.
  return DOWN.has(phase)
    ? { is: 'failed', message: `${phase}: ${ready?.message ?? ''}` }
    : { is: 'underway' };
}

const DOWN: ReadonlySet<Phase> = new Set(['Stopped', 'Exited', 'Failed', 'Removing']);
