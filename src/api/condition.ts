/** Kubernetes' condition. Types that are `only when abnormal` are left out of the list while all is well. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, stable; scripts match it. */
  readonly reason: string;
  /** For people; names what to do next where there is something to do. */
  readonly message: string;
  /** RFC 3339; when `status` last changed. */
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

export const CONDITION_TYPES = [
  'Ready',
  'ManifestValid',
  'RootReady',
  'NetworkReady',
  'Running',
  // Only when abnormal:
  'Reconciling',
  'Stalled',
  'CrashLooping',
  'Degraded',
  'RestartRequired',
  'RolledBack',
  'PruneBlocked',
  'HostReady',
  'MachineIdShared',
  'Suspended',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** Those that are not in the list while all is well. */
export const ONLY_WHEN_ABNORMAL: ReadonlySet<ConditionType> = new Set(
  CONDITION_TYPES.slice(CONDITION_TYPES.indexOf('Reconciling')),
);

/** What the summary says; the store adds the time and the generation. */
export type ConditionFact = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export function findCondition<T extends ConditionFact>(
  conditions: readonly T[],
  type: ConditionType,
): T | undefined {
  return conditions.find(condition => condition.type === type);
}
