import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import { allRounds, type Bench } from './bench.ts';
import { now, showTimes } from './contender.ts';
import { hear } from './hear.ts';
import { firstLine } from './in-turn.ts';
import { nspawnd } from './nspawnd.ts';
import { originUnit } from './origin-unit.ts';
import { type Row, table } from './report.ts';
import { sample } from './statistics.ts';

/**
 * From nspawn's exit to the condition that says why, as a client of the socket hears it; and until systemd itself counts
 * the unit as failed, which nobody can know earlier. The origin says nothing until its start times out: once is enough.
 */
export async function measureReports(bench: Bench): Promise<string> {
  const heard: number[] = [];
  const failed: number[] = [];
  for (let round = 0; round < allRounds(bench); round++) {
    const measured = await measureOnce(bench.host, `fail${round}`);
    if (round < bench.warmUp) continue;
    heard.push(measured.heardAfter);
    failed.push(measured.failedAfter);
  }
  const rows: readonly Row[] = [
    { name: 'nspawnd: the condition, with the last lines', sample: sample(heard) },
    { name: 'of this, until systemd calls the unit failed', sample: sample(failed) },
    await measureOrigin(bench.host),
  ];
  return table("nspawn's exit to the report of it", rows, 'within 50 ms');
}

async function measureOnce(
  host: Host,
  name: string,
): Promise<{ readonly heardAfter: number; readonly failedAfter: number }> {
  const heard = hear(host, ({ metadata, status }) => metadata.name === name && status.phase === 'Failed');
  const spec = {
    root: '/var/lib/machines/base',
    volatile: 'overlay',
    command: ['/bin/nonexistent'],
    restartPolicy: 'Never',
  };
  await host.writeManifest(
    `${name}.yaml`,
    `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: ${name} }\nspec: ${JSON.stringify(spec)}\n`,
  );
  const heardAt = await heard;
  const unit = `container@${name}.service`;
  const { times } = await showTimes(host, unit, ['ExecMainExitTimestamp', 'InactiveEnterTimestamp']);
  const [exitedAt = 0, failedAt = 0] = times;
  const heardAtMonotonic = heardAt - (Date.now() - now());
  await nspawnd(host).remove(name);
  return { heardAfter: heardAtMonotonic - exitedAt, failedAfter: failedAt - exitedAt };
}

async function measureOrigin(host: Host): Promise<Row> {
  const origin = originUnit(host);
  const name = 'origin-fails';
  const unit = origin.unit(name);
  try {
    await origin.prepare?.(name);
    await host.rm(`/var/lib/origin/${name}/container-init`);
    const begin = await origin.start(name);
    const after = await eventually(
      async () => {
        const shown = await showTimes(host, unit, ['ExecMainExitTimestamp', 'StateChangeTimestamp']);
        const [exitedAt = 0, changedAt = 0] = shown.times;
        const isReported = exitedAt > begin && !/^activating$/.test(shown.state);
        return isReported ? changedAt - exitedAt : null;
      },
      { timeoutMs: 120_000, everyMs: 500, describe: `${unit} to fail` },
    );
    return { name: origin.name, sample: sample([after]) };
  } catch (error) {
    return { name: origin.name, missing: firstLine(error) };
  } finally {
    await origin.remove(name);
  }
}
