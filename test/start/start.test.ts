import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { stateOf } from '../testbed/host-record.ts';
import { diskOf } from '../testbed/places.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const name = `start-${process.pid}`;
const argv = ['--import', 'tsx', main, '--name', name];

test('with --once it ends by itself, having shown a page with rows of the database', async () => {
  const { stdout } = await execa(process.execPath, [...argv, '--once']);
  assert.match(stdout, /webserver: Ready/);
  assert.match(stdout, /database: Ready/);
  assert.match(stdout, /The Art of Computer Programming \| Donald Knuth \| 1968/);
  assertNothingIsLeft();
});

test('without a terminal it tells how to look inside, follows the table, and SIGINT takes everything down', async () => {
  const started = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(started, 'close');
  let output = '';
  for await (const chunk of started.stdout.setEncoding('utf8')) {
    output += chunk;
    if (/^webserver +True +Running/m.test(output)) started.kill('SIGINT');
  }
  assert.deepEqual(await ended, [0, null]);
  assert.match(output, new RegExp(`testbed -- exec ${name} -- curl -s http://webserver.containers/`));
  assertNothingIsLeft();
});

function assertNothingIsLeft(): void {
  assert.equal(existsSync(stateOf(name)), false);
  assert.equal(existsSync(diskOf(name)), false);
}
