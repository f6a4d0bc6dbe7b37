import { type Condition, type ConditionType, findCondition } from '../../api/condition.ts';
import type { Container } from '../../api/container.ts';
import { fixOf } from './fix.ts';

/** Something a person should look at although it keeps nothing from being Ready. */
export interface Attention {
  readonly type: ConditionType;
  readonly reason: string;
  readonly message: string;
  /** What to do; null where the message is all there is to say. */
  readonly fix: string | null;
}

/** Of one that is Ready also what would be in the way of another that is not; of that one the chain says it. */
const OF_READY = [
  ['ManifestValid', 'False'],
  ['HostReady', 'False'],
  ['RootReady', 'False'],
  ['NetworkReady', 'False'],
  ['CrashLooping', 'True'],
] as const;
const OF_ALL = ['RolledBack', 'RestartRequired', 'PruneBlocked', 'MachineIdShared', 'Degraded'] as const;

export function needsAttention(container: Container): readonly Attention[] {
  const { conditions } = container.status;
  const isReady = findCondition(conditions, 'Ready')?.status === 'True';
  const found = [
    ...(isReady ? OF_READY.map(([type, bad]) => findBad(conditions, type, bad)) : []),
    ...OF_ALL.map(type => findBad(conditions, type, 'True')),
  ];
  return found
    .filter(condition => condition !== undefined)
    .map(condition => {
      const { type, reason, message } = condition;
      return { type, reason, message, fix: fixOf(condition, container) };
    });
}

function findBad(
  conditions: readonly Condition[],
  type: ConditionType,
  bad: Condition['status'],
): Condition | undefined {
  const found = findCondition(conditions, type);
  return found?.status === bad ? found : undefined;
}
