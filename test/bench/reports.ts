import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import { allRounds, type Bench } from './bench.ts';
import { showTimes } from './contender.ts';
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
  const [exitedAt, failedAt] = await momentsOf(host, `container@${name}.service`);
  await nspawnd(host).remove(name);
  return { heardAfter: heardAt - exitedAt, failedAfter: failedAt - exitedAt };
}

/**
 * When systemd said that the process has exited, and that the unit has failed, as `Date.now` has it; sd-messages.h. From the
 * journal: the unit itself is forgotten as soon as it is reported.
 */
async function momentsOf(host: Host, unit: string): Promise<readonly [number, number]> {
  const momentOf = async (messageId: string) => {
    const matches = [`UNIT=${unit}`, `MESSAGE_ID=${messageId}`];
    const { stdout } = await host
      .exec(['journalctl', '--sync', '-q'])
      .then(() => host.exec(['journalctl', '--no-pager', '-q', '-n', '1', '-o', 'json', ...matches]));
    return Number(JSON.parse(stdout).__REALTIME_TIMESTAMP) / 1000;
  };
  return [
    await momentOf('98e322203f7a4ed290d09fe03c09fe15'),
    await momentOf('d9b373ed55a64feb8242e02dbe79a49c'),
  ];
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
