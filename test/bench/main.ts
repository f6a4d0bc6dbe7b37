import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Container } from '../../src/api/container.ts';
import { bootHost } from '../testbed/boot-host.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import { benchHostTree } from '../testbed/recipes.ts';
import { ensureTree } from '../testbed/tree.ts';
import { activeAt, type Contender, now, POLL_MS } from './contender.ts';
import { measureListing } from './listing.ts';
import { nspawnd } from './nspawnd.ts';
import { quadlet } from './quadlet.ts';
import { rawJoining, rawVeth } from './raw.ts';
import { type Row, table } from './report.ts';
import { sample } from './statistics.ts';

/**
 * `npm run bench [-- ROUNDS [SECTION]]`: the same system container, started by each contender in turn, on one host in one run. What
 * counts are the ratios; the absolute times are this machine's.
 */
const rounds = Number(process.argv[2] ?? 11);
/** The first rounds fill caches and are not counted. */
const WARM_UP = 1;

await using host = await bootHost({ name: 'bench', hostTree: await ensureTree(benchHostTree('trixie')) });
const sections: string[] = [];
const measureLists = (on: Host) => measureListing(on, rounds, WARM_UP);
const only = process.argv[3] ?? '';
const all = { starts: measureStarts, crashes: measureCrashes, reports: measureReports, lists: measureLists };
for (const [name, measure] of Object.entries(all)) {
  if (only !== '' && only !== name) continue;
  const section = await measure(host);
  console.log(`\n${section}`);
  sections.push(section);
}
if (only === '') await writeFile(fileURLToPath(new URL('latest.txt', import.meta.url)), sections.join('\n'));

/** From the manifest's renaming (or the first command) to READY. */
async function measureStarts(host: Host): Promise<string> {
  const contenders = [
    rawJoining(host, 'systemd-nspawn in a prepared namespace'),
    rawJoining(host, 'the same again (noise)'),
    nspawnd(host),
    rawVeth(host),
    await quadlet(host),
  ];
  const rows = await measureInTurn(contenders, async (contender, name) => {
    const begin = await contender.start(name);
    const ready = await untilActive(host, contender.unit(name), begin);
    await contender.remove(name);
    return ready - begin;
  });
  return table('drop to READY', rows);
}

/**
 * From a kill -9 of nspawn to READY again, less the backoff. Raw nspawn cannot come back by systemd's Restart= (the
 * registration outlives it as long as the unit is held), so it is given an ideal supervisor: the time its unit takes to
 * end, and the time the next start takes.
 */
async function measureCrashes(host: Host): Promise<string> {
  const contenders = [
    rawJoining(host, 'systemd-nspawn in a prepared namespace'),
    rawJoining(host, 'the same again (noise)'),
    nspawnd(host),
  ];
  const rows = await measureInTurn(contenders, async (contender, name) => {
    const unit = contender.unit(name);
    await untilActive(host, unit, await contender.start(name));
    const { stdout: pid } = await host.exec(['systemctl', 'show', '-P', 'MainPID', unit]);
    const begin = now();
    const killedAt = Date.now();
    await host.exec(['kill', '-9', pid]);
    const waited = contender.startAgain === undefined ? await backoffOf(host, name, killedAt) : 0;
    const idle =
      contender.startAgain === undefined ? 0 : await idleUntilStartedAgain(host, contender, name, begin);
    const ready = await untilActive(host, unit, begin);
    await contender.remove(name);
    return ready - begin - waited - idle;
  });
  return table('crash to READY again, less the backoff', rows);
}

/** Starts it again once its unit has ended, and answers how long nothing happened in between. */
async function idleUntilStartedAgain(
  host: Host,
  contender: Contender,
  name: string,
  after: number,
): Promise<number> {
  const unit = contender.unit(name);
  const ended = await eventually(
    async () => {
      const { stdout } = await host.exec([
        'systemctl',
        'show',
        '-P',
        'InactiveEnterTimestampMonotonic',
        unit,
      ]);
      const at = Number(stdout) / 1000;
      return at > after ? at : null;
    },
    { timeoutMs: 60_000, everyMs: POLL_MS, describe: `${unit} to end` },
  );
  return ((await contender.startAgain?.(name)) ?? ended) - ended;
}

/** From nspawn's exit to the condition that says why, as a client of the socket hears it. */
async function measureReports(host: Host): Promise<string> {
  const values: number[] = [];
  for (let round = 0; round < rounds + WARM_UP; round++) {
    const name = `fail${round}`;
    const heard = hearFailure(host, name);
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
    const exitedAt = await exitTime(host, name);
    if (round >= WARM_UP) values.push(heardAt - exitedAt);
    await nspawnd(host).remove(name);
  }
  return table("nspawn's exit to the report of it", [{ name: 'nspawnd', sample: sample(values) }]);
}

/** All contenders in each round, so that what disturbs the machine disturbs all of them. */
async function measureInTurn(
  contenders: readonly Contender[],
  measure: (contender: Contender, name: string) => Promise<number>,
): Promise<readonly Row[]> {
  const values = new Map<Contender, number[]>(contenders.map(contender => [contender, []]));
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const [index, contender] of contenders.entries()) {
      const value = await measure(contender, `b${index}r${round}`);
      if (round >= WARM_UP) values.get(contender)?.push(value);
      process.stdout.write('.');
    }
  }
  return contenders.map(contender => ({ name: contender.name, sample: sample(values.get(contender) ?? []) }));
}

function untilActive(host: Host, unit: string, after: number): Promise<number> {
  return eventually(() => activeAt(host, unit, after), {
    timeoutMs: 60_000,
    everyMs: POLL_MS,
    describe: `${unit} to be active`,
  });
}

/** The wait that was drawn for the first failure, from nspawnd's own log: how long after the kill the next try was due. */
async function backoffOf(host: Host, name: string, killedAt: number): Promise<number> {
  const due = await eventually(
    async () => {
      const { stdout } = await host.exec(['journalctl', '-u', 'nspawnd', '-o', 'cat', '--no-pager']);
      const line = stdout
        .split('\n')
        .findLast(entry => entry.includes(`"key":"${name}"`) && entry.includes('recordFailure'));
      return /next try at (\S+Z)/.exec(line ?? '')?.[1];
    },
    { timeoutMs: 60_000, describe: `the backoff of ${name} in the log` },
  );
  return Date.parse(due) - killedAt;
}

/** Resolves with the time at which the watch says that the container failed. */
function hearFailure(host: Host, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: host.path('/run/nspawnd/nspawnd.sock'),
        path: '/apis/nspawnd.io/v1alpha1/containers?watch=1',
      },
      response => {
        // Cut off by us as soon as the failure was heard.
        response.on('error', () => undefined);
        const lines = createInterface({ input: response });
        lines.on('error', () => undefined);
        lines.on('line', line => {
          const { object } = JSON.parse(line) as { object: Container };
          if (object.metadata.name !== name || object.status?.phase !== 'Failed') return;
          resolve(Date.now());
          call.destroy();
        });
      },
    );
    call.on('error', error => reject(error));
    call.end();
  });
}

/** systemd's own line about the main process' exit, by its realtime stamp. */
async function exitTime(host: Host, name: string): Promise<number> {
  const journal = ['journalctl', '-o', 'json', '--output-fields=MESSAGE', '--no-pager'];
  // We hear of the failure before the journal has taken systemd's line in.
  const exit = await eventually(
    async () => {
      const { stdout } = await host.exec([...journal, '-u', `container@${name}`]);
      return stdout
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line) as { MESSAGE: string; __REALTIME_TIMESTAMP: string })
        .find(entry => entry.MESSAGE.includes('Main process exited'));
    },
    { describe: `systemd to say that ${name} exited` },
  );
  return Number(exit.__REALTIME_TIMESTAMP) / 1000;
}
