import { type ConditionFact, type ConditionType, findCondition } from '../../api/condition.ts';
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
    causes.push({ type, reason, message, next: nextFor(condition, container) });
  }
  return causes;
}

function nextFor({ type, reason, message }: ConditionFact, { metadata, status }: Container): string | null {
  switch (type) {
    case 'ManifestValid':
      return `nspawnctl validate ${manifestOf(metadata.annotations?.[MANIFEST_ANNOTATION], message)}`;
    case 'RestartRequired':
      return `nspawnctl restart ${metadata.name}`;
    case 'PruneBlocked':
      return 'nspawnctl prune';
    case 'Ready':
      return nextForRun(reason, metadata.name, status);
    default:
      return null;
  }
}

/** For the end of the chain: what a person does about a guest that is not there. */
function nextForRun(reason: string, name: string, { phase, unit }: Container['status']): string | null {
  switch (phase) {
    case 'Stalled':
    case 'Invalid':
      // The message is what has to be mended; then it goes on by itself.
      return null;
    case 'Pending':
    case 'Starting':
    case 'Stopping':
    case 'Removing':
      return `nspawnctl get -w ${name}`;
    default:
      return reason === 'Stopped' || reason === 'ExitedCleanly'
        ? `nspawnctl start ${name}`
        : `journalctl -u ${unit} -n 50; then nspawnctl restart ${name}`;
  }
}

/** The file that is wrong: named by the first problem, else the one in force, else all of them. */
function manifestOf(annotation: string | undefined, message: string): string {
  const named = /^(\/.+?):\d+:\d+: /m.exec(message)?.[1];
  return named ?? annotation?.replace(/:\d+$/, '') ?? '/etc/nspawnd/manifests';
}
