import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { World } from '../real/world.ts';
import type { Probe } from './probe.ts';

/** What a host holds, counted; `heap` and `memory` in kilobytes, `heap` after nspawnd has collected its garbage. */
export interface Census {
  readonly counts: Readonly<Record<string, number>>;
  /** What belongs to others, as text. */
  readonly foreign: string;
}

const SCRIPT = readFileSync(fileURLToPath(new URL('census.sh', import.meta.url)), 'utf8');

/**
 * What may differ without anything being lost: programs that the host starts and ends as it likes, sockets of whoever asks
 * just then, and memory that nobody has needed back yet. Everything else is to be exactly as it was.
 */
const SLACK: Readonly<Record<string, number>> = {
  connections: 1,
  // A look at the host by a person is a connection; so is ours.
  fds: 2,
  processes: 2,
  children: 1,
  threads: 2,
  heap: 6_000,
  memory: 80_000,
};

export async function takeCensus(world: World, probe: Probe): Promise<Census> {
  const { heapUsed, external } = await probe.measure();
  const { stdout } = await world.host.exec(['sh'], { input: SCRIPT });
  const [numbers = '', foreign = ''] = stdout.split('\nforeign\n');
  const lines = numbers.split('\n').map(line => line.split(' '));
  const counted = lines.map(([name = '', number]) => [name, Number(number)] as const);
  return {
    counts: { ...Object.fromEntries(counted), heap: Math.round((heapUsed + external) / 1024) },
    foreign,
  };
}

/** In words, what has grown and what of others was touched; none where all is as before. */
export function findGrowth(
  before: Census,
  after: Census,
  more: Readonly<Record<string, number>> = {},
): readonly string[] {
  const grown = Object.entries(after.counts)
    .filter(([name, count]) => count > (before.counts[name] ?? 0) + (more[name] ?? SLACK[name] ?? 0))
    .map(([name, count]) => `${name} ${before.counts[name] ?? 0} -> ${count}`);
  return before.foreign === after.foreign
    ? grown
    : [...grown, `of others:\n${before.foreign}\n->\n${after.foreign}`];
}

/** `fds 27, rules 5, ...`; `from -> to` where it is another number now. */
export function censusText(before: Census, after: Census): string {
  return Object.entries(after.counts)
    .map(([name, count]) => {
      const was = before.counts[name] ?? 0;
      return was === count ? `${name} ${count}` : `${name} ${was}->${count}`;
    })
    .join(', ');
}
