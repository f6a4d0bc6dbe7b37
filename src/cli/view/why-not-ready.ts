import {
  type Condition,
  type ConditionFact,
  type ConditionType,
  findCondition,
} from '../../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION } from '../../api/container.ts';

/** One link of the chain from manifest to guest that does not hold. */
export interface Cause {
  readonly type: ConditionType;
  readonly reason: string;
  readonly message: string;
  /** What to do, as a command where there is one; null where the message is all there is to say. */
  readonly next: string | null;
}

/** In the order in which one is the cause of the next, each with the status that is bad. */
const CHAIN = [
  ['ManifestValid', 'False'],
  ['HostReady', 'False'],
  ['RootReady', 'False'],
  ['NetworkReady', 'False'],
  ['Stalled', 'True'],
  ['Running', 'False'],
  ['CrashLooping', 'True'],
] as const;
const ATTENTION = ['RestartRequired', 'PruneBlocked', 'MachineIdShared'] as const;

/** What stands between a container and Ready, first causes first; empty when it is Ready. */
export function whyNotReady(container: Container): readonly Cause[] {
  const { conditions } = container.status;
  const ready = findCondition(conditions, 'Ready');
  if (ready === undefined || ready.status === 'True') return [];
  const chain = CHAIN.map(([type, bad]) => findBad(conditions, type, bad));
  return toCauses([...chain, ready], container);
}

/** What a person should look at although it keeps nothing from being Ready. */
export function needsAttention(container: Container): readonly Cause[] {
  const { conditions } = container.status;
  const isReady = findCondition(conditions, 'Ready')?.status === 'True';
  const chain = isReady ? CHAIN.map(([type, bad]) => findBad(conditions, type, bad)) : [];
  const other = ATTENTION.map(type => findBad(conditions, type, 'True'));
  return toCauses([...chain, ...other], container);
}

function findBad(
  conditions: readonly Condition[],
  type: ConditionType,
  bad: Condition['status'],
): Condition | undefined {
  const found = findCondition(conditions, type);
  return found?.status === bad ? found : undefined;
}

function toCauses(conditions: readonly (Condition | undefined)[], container: Container): readonly Cause[] {
  const causes: Cause[] = [];
  for (const condition of conditions) {
    if (condition === undefined) continue;
    const { type, reason, message } = condition;
    const before = causes.at(-1);
    // Each link may say again what the one before it said: the fuller one stays, the same is not repeated.
    if (before !== undefined && message === before.message) continue;
    if (before !== undefined && message.startsWith(before.message)) causes.pop();
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
