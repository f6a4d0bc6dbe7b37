import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { eventually } from '../../testbed/eventually.ts';
import { scratch } from './scratch.ts';

let counter = 0;

/** A process that watches for one that waits, on a host whose systemctl only notes what it is told. */
async function begin(context: TestContext) {
  const directory = await scratch(context);
  const told = join(directory, 'told');
  const unit = `watched-${process.pid}-${counter++}.service`;
  await writeFile(join(directory, 'systemctl'), `#!/bin/sh\necho "$BUS: $@" >> ${told}\n`, { mode: 0o755 });
  const waits = spawn('sleep', ['1000']);
  context.after(() => waits.kill('SIGKILL'));
  const ended = once(waits, 'exit');
  const module = JSON.stringify(new URL('../../../src/host/guest-watch.ts', import.meta.url).href);
  const script = `
    const { GuestWatch } = await import(${module});
    const bus = { speaking: ['env', 'BUS=guest'], descriptors: [], close: async () => undefined };
    const watch = GuestWatch.begin({ name: '${unit}', bus });
    watch.follow(${waits.pid});
    process.stdin.once('data', () => { watch.release(); watch.close(); process.exit(); });
    console.log('begun');`;
  const watches = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    env: { ...process.env, PATH: `${directory}:${process.env.PATH}` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  context.after(() => watches.kill('SIGKILL'));
  await once(watches.stdout, 'data');
  const lines = async () => (await readFile(told, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const isWatched = () => spawnSync('pgrep', ['-f', `sh ${unit} env BUS=guest`]).status === 0;
  return { watches, waits, ended, lines, unit, isWatched };
}

test('when the one who asked is killed, the one who waits ends, and the unit is stopped', async t => {
  const { watches, ended, lines, unit } = await begin(t);
  watches.kill('SIGKILL');
  assert.deepEqual((await ended)[1], 'SIGTERM');
  // Also one that was on its way when nobody waited for it any more.
  await eventually(async () => (await lines()).length === 3);
  assert.deepEqual(new Set(await lines()), new Set([`guest: stop -- ${unit}`]));
});

test('when all has ended as it should, nothing is done', async t => {
  const { watches, waits, lines, isWatched } = await begin(t);
  assert.ok(isWatched());
  watches.stdin.write('end');
  await once(watches, 'exit');
  await eventually(() => !isWatched());
  assert.deepEqual(await lines(), []);
  assert.equal(waits.exitCode ?? waits.signalCode, null);
});
