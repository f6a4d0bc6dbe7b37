import { type ConditionType, findCondition } from '../../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION } from '../../api/container.ts';

/** One link of the chain from manifest to guest that does not hold. */
export interface Cause {
  readonly type: ConditionType;
  readonly reason: string;
  readonly message: string;
  /** What to do, as a command where there is one; null where the message is all there is to say. */
  readonly next: string | null;
}

/** In the order in which one is the cause of the next. */
const BAD_WHEN_FALSE = ['ManifestValid', 'HostReady', 'RootReady', 'NetworkReady', 'Running'] as const;
const BAD_WHEN_TRUE = [
  'Stalled',
  'CrashLooping',
  'RestartRequired',
  'PruneBlocked',
  'MachineIdShared',
] as const;

/** Everything that stands between a container and Ready, first causes first; empty when all is well. */
export function whyNotReady(container: Container): readonly Cause[] {
  const { conditions } = container.status;
  const bad = [
    ...BAD_WHEN_FALSE.map(type => findCondition(conditions, type)).filter(found => found?.status === 'False'),
    ...BAD_WHEN_TRUE.map(type => findCondition(conditions, type)).filter(found => found?.status === 'True'),
  ];
  const ready = findCondition(conditions, 'Ready');
  if (ready !== undefined && ready.status !== 'True') bad.push(ready);
  const causes: Cause[] = [];
  for (const condition of bad) {
    if (condition === undefined) continue;
    // Ready is a summary and often repeats its cause.
    if (causes.some(cause => cause.message === condition.message && condition.message !== '')) continue;
    const { type, reason, message } = condition;
    causes.push({ type, reason, message, next: nextFor(type, reason, container) });
  }
  return causes;
}

function nextFor(type: ConditionType, reason: string, { metadata, status }: Container): string | null {
  const { name } = metadata;
  const file = (metadata.annotations?.[MANIFEST_ANNOTATION] ?? '').replace(/:\d+$/, '');
  switch (type) {
    case 'ManifestValid':
      return file === '' ? 'nspawnctl validate' : `nspawnctl validate ${file}`;
    case 'RestartRequired':
      return `nspawnctl restart ${name}`;
    case 'PruneBlocked':
      return 'nspawnctl prune';
    case 'CrashLooping':
    case 'Running':
    case 'Ready':
      if (reason === 'Stopped' || reason === 'ExitedCleanly') return `nspawnctl start ${name}`;
      if (status.phase === 'Starting' || status.phase === 'Stopping') return `nspawnctl get -w ${name}`;
      return `journalctl -u ${status.unit} -n 50; then nspawnctl restart ${name}`;
    default:
      return null;
  }
}
