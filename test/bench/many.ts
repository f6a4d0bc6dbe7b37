import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import type { Bench } from './bench.ts';
import { now } from './contender.ts';
import { firstLine } from './in-turn.ts';
import { moveIn, removeMany, untilAllReady, writeAside } from './nspawnd.ts';
import { orWhyNot } from './or-why-not.ts';
import { rawScript, rawUnit } from './raw.ts';
import { type Row, table } from './report.ts';
import { sample } from './statistics.ts';

/** How many at once a person would try, to find what the machine likes best. */
const FEW = 50;
const BY_HAND = [2, 4, 8, 16, FEW];
const MANY = 200;
/** Each of these takes minutes. */
const MAX_ROUNDS = 3;

/**
 * Many containers from nothing to all READY: raw nspawn with so many at once, and the same number of manifests moved in
 * together. Which number is best is found with fifty; with two hundred the best one runs, and all at once.
 */
export async function measureMany({ host, rounds }: Bench): Promise<string> {
  const few = await measureCount(host, FEW, BY_HAND, Math.min(rounds, MAX_ROUNDS));
  const best = [...few.raw.keys()].toSorted((a, b) => median(few, a) - median(few, b))[0] ?? 4;
  const many = measureCount(host, MANY, [best, MANY], Math.min(rounds, 1)).then(measured =>
    tableOf(MANY, measured, best),
  );
  return [tableOf(FEW, few, best), await orWhyNot(`${MANY} containers`, many)].join('\n');
}

interface Measured {
  readonly raw: ReadonlyMap<number, readonly number[]>;
  readonly nspawnd: readonly number[];
}

async function measureCount(
  host: Host,
  count: number,
  atOnce: readonly number[],
  rounds: number,
): Promise<Measured> {
  const raw = new Map<number, number[]>(atOnce.map(number => [number, []]));
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const number of atOnce) {
      try {
        raw.get(number)?.push(await runRaw(host, count, number));
      } catch (error) {
        // So many at once may be more than systemd answers to in time.
        console.error(`\n${count} containers, ${number} at once: ${firstLine(error)}`);
      }
      process.stdout.write('.');
    }
    ours.push(await runNspawnd(host, count));
    process.stdout.write('.');
  }
  return { raw: new Map([...raw].filter(([, values]) => values.length === rounds)), nspawnd: ours };
}

function median({ raw }: Measured, atOnce: number): number {
  return sample(raw.get(atOnce) ?? []).median;
}

function tableOf(count: number, measured: Measured, best: number): string {
  const others = [...measured.raw.keys()].filter(number => number !== best);
  const rawRow = (atOnce: number, what: string): Row => ({
    name: `raw nspawn, ${atOnce === count ? 'all' : atOnce} at once${what}`,
    sample: sample(measured.raw.get(atOnce) ?? []),
  });
  const rows = [
    rawRow(best, ' (the best by hand)'),
    { name: 'nspawnd', sample: sample(measured.nspawnd) },
    ...others.map(number => rawRow(number, '')),
  ];
  return table(`${count} containers, from nothing to all READY`, rows, 'at most 1.05 of the first row');
}

async function runRaw(host: Host, count: number, atOnce: number): Promise<number> {
  const names = namesOf(count);
  for (const [index, name] of names.entries())
    await host.writeFile(`/run/bench/${name}.sh`, rawScript(name, addressOf(index)), { inPlace: true });
  try {
    const begin = now();
    await host.exec(['xargs', '-P', String(atOnce), '-I{}', 'sh', '/run/bench/{}.sh'], {
      input: names.join('\n'),
      timeoutMs: 900_000,
    });
    return (await lastActive(host, names.map(rawUnit))) - begin;
  } finally {
    await host.exec(['systemctl', 'stop', ...names.map(rawUnit)], { timeoutMs: 300_000, reject: false });
    const lines = names.flatMap(name => [`link del ve-${name}`, `netns del ${name}`]);
    await host.exec(['ip', '-force', '-batch', '-'], { input: lines.join('\n'), reject: false });
  }
}

async function runNspawnd(host: Host, count: number): Promise<number> {
  const names = namesOf(count);
  for (const [index, name] of names.entries()) await writeAside(host, name, addressOf(index));
  const begin = now();
  for (const name of names) await moveIn(host, name);
  await untilAllReady(host, names);
  const end = await lastActive(
    host,
    names.map(name => `container@${name}.service`),
  );
  await removeMany(host, names);
  return end - begin;
}

/** When the last of the units became active: all of them are. */
async function lastActive(host: Host, units: readonly string[]): Promise<number> {
  const shown = await eventually(
    async () => {
      const { stdout } = await host.exec([
        'systemctl',
        'show',
        '-p',
        'ActiveEnterTimestampMonotonic',
        ...units,
      ]);
      const times = stdout.match(/\d+/g)?.map(micros => Number(micros) / 1000) ?? [];
      return times.length === units.length && times.every(at => at > 0) ? times : null;
    },
    { timeoutMs: 60_000, describe: `${units.length} units to be active` },
  );
  return Math.max(...shown);
}

export function namesOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `many-${index}`);
}

export function addressOf(index: number): string {
  return `10.231.${141 + Math.floor(index / 200)}.${(index % 200) + 1}`;
}
