import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import type { Bench } from './bench.ts';
import { now, showTimes } from './contender.ts';
import { addressOf, namesOf } from './many.ts';
import { askText, moveIn, removeMany, untilAllReady, writeAside } from './nspawnd.ts';
import { figures, type Row, table } from './report.ts';
import { sample } from './statistics.ts';

const COUNT = 50;
const MAX_ROUNDS = 5;

/**
 * nspawnd is killed and started again while fifty booted guests run: from its process' start until it has looked at all of
 * them, and whether any of them noticed.
 */
export async function measureAdoption({ host, rounds }: Bench): Promise<string> {
  const names = namesOf(COUNT);
  for (const [index, name] of names.entries()) await writeAside(host, name, addressOf(index));
  for (const name of names) await moveIn(host, name);
  await untilAllReady(host, names);
  const before = await runsOf(host, names);
  const ready: number[] = [];
  const adopted: number[] = [];
  for (let round = 0; round < Math.min(rounds, MAX_ROUNDS); round++) {
    const measured = await restart(host);
    ready.push(measured.ready);
    adopted.push(measured.adopted);
  }
  await untilAllReady(host, names);
  const after = await runsOf(host, names);
  const disturbed = before.filter((run, index) => run !== after[index]).length;
  await removeMany(host, names);
  const rows: readonly Row[] = [
    { name: 'until all are adopted', sample: sample(adopted) },
    { name: 'of this, until it serves', sample: sample(ready) },
  ];
  return [
    table(`a new nspawnd among ${COUNT} running containers`, rows, 'under a second'),
    figures('and of these', [{ name: 'disturbed', value: String(disturbed), goal: 'none' }]),
  ].join('');
}

async function restart(host: Host): Promise<{ readonly ready: number; readonly adopted: number }> {
  await host.exec(['systemctl', 'kill', '--signal=KILL', '--kill-whom=main', 'nspawnd']);
  await host.exec(['systemctl', 'restart', 'nspawnd']);
  const at = await eventually(async () => ((await reconciled(host)) >= COUNT ? now() : null), {
    timeoutMs: 60_000,
    everyMs: 10,
    describe: `${COUNT} containers to be looked at`,
  });
  const { times } = await showTimes(host, 'nspawnd.service', [
    'ExecMainStartTimestamp',
    'ActiveEnterTimestamp',
  ]);
  const [started = 0, active = 0] = times;
  return { ready: active - started, adopted: at - started };
}

/** How many looks at a key have ended. */
async function reconciled(host: Host): Promise<number> {
  const text = await askText(host, '/metrics');
  const counts = [...text.matchAll(/^controller_runtime_reconcile_total\{[^}]*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

async function runsOf(host: Host, names: readonly string[]): Promise<readonly string[]> {
  const units = names.map(name => `container@${name}.service`);
  const { stdout } = await host.exec(['systemctl', 'show', '-p', 'InvocationID', '-p', 'MainPID', ...units]);
  return stdout.split('\n\n');
}
