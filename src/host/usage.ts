import { readFile } from 'node:fs/promises';
import { nameOfUnit } from '../api/container.ts';
import { hostLinkName } from '../planning/link-name.ts';
import { run } from './command.ts';

/** What one running container has used, by the kernel's counters; null: this kernel or this container has none. */
export interface UsageSample {
  readonly name: string;
  /** Which run of it this is: a new one counts from zero. */
  readonly invocation: string;
  /** Of the monotonic clock, milliseconds. */
  readonly at: number;
  /** Since it started. */
  readonly cpuUsec: number | null;
  /** Without the cache that would be given up at once. */
  readonly memoryBytes: number | null;
  readonly tasks: number | null;
  /** As the guest sees it; of its own link. */
  readonly receivedBytes: number | null;
  readonly sentBytes: number | null;
}

/** Looks at every running container once; asks systemd where each is, so that nspawnd need not run. */
export async function sampleUsage(): Promise<readonly UsageSample[]> {
  const units = parseUnits((await run('systemctl', SHOW)).stdout);
  return Promise.all(units.map(sampleOne));
}

const SHOW = ['show', '--property=Id,ControlGroup,InvocationID', '--', 'container@*.service'];

export interface RunningUnit {
  readonly name: string;
  readonly controlGroup: string;
  readonly invocation: string;
}

/** Of `systemctl show` for several units: blocks of KEY=VALUE with an empty line between. */
export function parseUnits(text: string): readonly RunningUnit[] {
  return text.split('\n\n').flatMap(block => {
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1] ?? '';
    const name = nameOfUnit(value('Id'));
    const controlGroup = value('ControlGroup');
    // What does not run has none.
    return name === null || controlGroup === ''
      ? []
      : [{ name, controlGroup, invocation: value('InvocationID') }];
  });
}

async function sampleOne({ name, controlGroup, invocation }: RunningUnit): Promise<UsageSample> {
  const group = (file: string) => read(`/sys/fs/cgroup${controlGroup}/${file}`);
  const link = (file: string) => read(`/sys/class/net/${hostLinkName(name)}/${file}`);
  const [cpuStat, memory, memoryStat, tasks, alias, received, sent] = await Promise.all([
    group('cpu.stat'),
    group('memory.current'),
    group('memory.stat'),
    group('pids.current'),
    link('ifalias'),
    // What the host's end sends, the guest's receives.
    link('statistics/tx_bytes'),
    link('statistics/rx_bytes'),
  ]);
  const isOurs = alias?.startsWith(`nspawnd:${name}`) === true;
  return {
    name,
    invocation,
    at: performance.now(),
    cpuUsec: keyed(cpuStat, 'usage_usec'),
    memoryBytes: workingSet(toNumber(memory), keyed(memoryStat, 'inactive_file')),
    tasks: toNumber(tasks),
    receivedBytes: isOurs ? toNumber(received) : null,
    sentBytes: isOurs ? toNumber(sent) : null,
  };
}

/** Null: not there (any more), which is an answer. */
function read(path: string): Promise<string | null> {
  return readFile(path, 'utf8').then(
    text => text.trim(),
    () => null,
  );
}

function keyed(text: string | null, key: string): number | null {
  return toNumber(new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? null);
}

function toNumber(text: string | null): number | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

/** What Kubernetes calls it. */
function workingSet(current: number | null, inactiveFile: number | null): number | null {
  return current === null ? null : Math.max(0, current - (inactiveFile ?? 0));
}
