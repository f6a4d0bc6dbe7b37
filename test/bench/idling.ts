import { setTimeout as passing } from 'node:timers/promises';
import type { Host } from '../testbed/host.ts';
import type { Bench } from './bench.ts';
import { addressOf, namesOf } from './many.ts';
import { moveIn, removeMany, untilAllReady, writeAside } from './nspawnd.ts';
import { figures } from './report.ts';

const COUNT = 100;
/** Guests have much to do in their first minute. */
const SETTLING_MS = 45_000;
/** Six re-lists. */
const OBSERVED_MS = 120_000;

/**
 * What nspawnd takes while nothing happens: a hundred booted guests, each with its network looked after. By its control
 * group, so with every process that it starts. What others do for it is shown beside it.
 */
export async function measureIdling({ host }: Bench): Promise<string> {
  const names = namesOf(COUNT);
  for (const [index, name] of names.entries()) await writeAside(host, name, addressOf(index));
  for (const name of names) await moveIn(host, name);
  await untilAllReady(host, names);
  await passing(SETTLING_MS);
  const before = await cpuOf(host);
  await passing(OBSERVED_MS);
  const after = await cpuOf(host);
  const memory = await memoryOf(host);
  await removeMany(host, names);
  const share = (group: string) =>
    `${(((after.get(group) ?? Number.NaN) - (before.get(group) ?? Number.NaN)) / (OBSERVED_MS * 10)).toFixed(2)} %`;
  return figures(`nspawnd at rest, with ${COUNT} booted guests, for ${OBSERVED_MS / 1000} s`, [
    {
      name: 'of a core, children included',
      value: share('system.slice/nspawnd.service'),
      goal: 'below 0.5 %',
    },
    { name: 'memory, children included', value: `${memory.toFixed(0)} MB`, goal: 'below 90 MB' },
    { name: "besides: the host's systemd", value: share('init.scope') },
    { name: 'besides: its bus', value: share('system.slice/dbus.service') },
    { name: 'besides: machined', value: share('system.slice/systemd-machined.service') },
  ]);
}

/** Microseconds of CPU that control groups have used. */
async function cpuOf(host: Host): Promise<ReadonlyMap<string, number>> {
  const groups = ['nspawnd', 'dbus', 'systemd-machined'].map(unit => `system.slice/${unit}.service`);
  const used = new Map<string, number>();
  for (const group of [...groups, 'init.scope']) {
    const stat = await host.readFile(`/sys/fs/cgroup/${group}/cpu.stat`);
    used.set(group, Number(/^usage_usec (\d+)$/m.exec(stat)?.[1]));
  }
  return used;
}

/** Megabytes of the processes in its control group; what they share with others is divided among them. */
async function memoryOf(host: Host): Promise<number> {
  const script =
    'for p in $(cat /sys/fs/cgroup/system.slice/nspawnd.service/cgroup.procs); do cat /proc/$p/smaps_rollup; done';
  const { stdout } = await host.exec(['sh', '-c', script]);
  const kilobytes = [...stdout.matchAll(/^Pss: +(\d+) kB$/gm)].reduce(
    (sum, [, size]) => sum + Number(size),
    0,
  );
  return kilobytes / 1024;
}
