import type { UsageSample } from '../../host/usage.ts';
import { GROUP_VERSION } from '../../server/protocol.ts';
import type { Cell } from '../../view/table.ts';
import { formatBytes } from './bytes.ts';

/** What a container uses at the moment; null where it is not known. */
export interface Usage {
  readonly name: string;
  /** 1: one processor, wholly. */
  readonly cpuCores: number | null;
  readonly memoryBytes: number | null;
  readonly tasks: number | null;
  readonly receivedBytesPerSec: number | null;
  readonly sentBytesPerSec: number | null;
}

/** From two looks at the counters; what began in between counts from its beginning, what ended is left out. Pure. */
export function usageBetween(
  before: readonly UsageSample[],
  after: readonly UsageSample[],
): readonly Usage[] {
  const earlier = new Map(before.map(sample => [sample.name, sample]));
  return after.map(sample => {
    const past = earlier.get(sample.name);
    const first = past?.invocation === sample.invocation ? past : undefined;
    const rate = (counter: 'cpuUsec' | 'receivedBytes' | 'sentBytes') =>
      perSec(first?.[counter] ?? null, sample[counter], sample.at - (first?.at ?? sample.at));
    const cpuUsecPerSec = rate('cpuUsec');
    return {
      name: sample.name,
      cpuCores: cpuUsecPerSec === null ? null : cpuUsecPerSec / 1_000_000,
      memoryBytes: sample.memoryBytes,
      tasks: sample.tasks,
      receivedBytesPerSec: rate('receivedBytes'),
      sentBytesPerSec: rate('sentBytes'),
    };
  });
}

/** Null until there are two looks. A link that was made anew counts from zero. */
function perSec(before: number | null, after: number | null, elapsedMs: number): number | null {
  if (before === null || after === null || elapsedMs <= 0) return null;
  return (Math.max(0, after - before) * 1000) / elapsedMs;
}

export const USAGE_ORDERS = ['name', 'cpu', 'memory'] as const;
export type UsageOrder = (typeof USAGE_ORDERS)[number];

/** Those who use most first; by name where they use the same. */
export function sortUsage(usages: readonly Usage[], order: UsageOrder): readonly Usage[] {
  const amount = ({ cpuCores, memoryBytes }: Usage) =>
    order === 'name' ? 0 : ((order === 'cpu' ? cpuCores : memoryBytes) ?? -1);
  return [...usages].sort((one, other) => amount(other) - amount(one) || (one.name < other.name ? -1 : 1));
}

export const USAGE_HEADER: readonly Cell[] = ['NAME', 'CPU', 'MEMORY', 'TASKS', 'RECEIVED', 'SENT'];

export function usageRow(usage: Usage): readonly Cell[] {
  const { name, cpuCores, memoryBytes, tasks, receivedBytesPerSec, sentBytesPerSec } = usage;
  return [
    name,
    shown(cpuCores, cores => `${(cores * 100).toFixed(1)}%`),
    shown(memoryBytes, formatBytes),
    shown(tasks, String),
    shown(receivedBytesPerSec, bytes => `${formatBytes(bytes)}/s`),
    shown(sentBytesPerSec, bytes => `${formatBytes(bytes)}/s`),
  ];
}

function shown(value: number | null, format: (value: number) => string): string {
  return value === null ? '-' : format(value);
}

/** For programs; a list in the shape of the API's. */
export function usageList(usages: readonly Usage[]): object {
  return {
    kind: 'ContainerUsageList',
    apiVersion: GROUP_VERSION,
    metadata: {},
    items: usages.map(({ name, ...usage }) => ({ metadata: { name }, usage })),
  };
}
