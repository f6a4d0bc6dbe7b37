import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { run } from '../../../src/host/command.ts';
import { runShort } from '../../../src/host/short-command.ts';
import { eventually } from '../../testbed/eventually.ts';

const HOSTILE = [
  '$(touch /tmp/x)',
  '`id`',
  "'",
  '"',
  '\\',
  '*',
  '',
  ' two  words ',
  'line\nfeed',
  '-n',
  'ünï',
  '\t',
];

test('words arrive as they are, none of them read as shell', async () => {
  const script = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';
  const { stdout } = await runShort(process.execPath, ['-e', script, '--', ...HOSTILE]);
  assert.deepEqual(JSON.parse(stdout), HOSTILE);
});

test('lines are read as they are, and nothing is read where nothing is given', async () => {
  const input = `${HOSTILE.join('\n')}\n`;
  assert.equal((await runShort('cat', [], { input })).stdout, input.slice(0, -1));
  assert.equal((await runShort('cat', [])).stdout, '');
});

test('a builtin of the shell is not what runs', async () => {
  const { stdout } = await runShort('printf', ['--version']);
  assert.match(stdout, /coreutils/);
});

test('the exit code is told, with what was said of it', async () => {
  const failing = ['-c', 'echo out; echo why >&2; exit 3'];
  assert.deepEqual(await runShort('sh', failing, { accept: [3] }), { stdout: 'out', exitCode: 3 });
  await assert.rejects(runShort('sh', failing), { code: 'CommandFailed', message: /why$/ });
  await assert.rejects(runShort('no-such-program', []), { code: 'CommandMissing' });
});

test('side by side, each gets its own answer', async () => {
  const numbers = Array.from({ length: 40 }, (_, index) => String(index));
  const answers = await Promise.all(
    numbers.map(number => runShort('sh', ['-c', `echo ${number}; echo ${number} >&2`])),
  );
  assert.deepEqual(
    answers.map(({ stdout }) => stdout),
    numbers,
  );
});

test('much is told whole, and too much is cut off', async () => {
  const { stdout } = await runShort('seq', ['200000']);
  assert.equal(stdout.length, 1_288_894);
  await assert.rejects(runShort('seq', ['2000000']), { code: 'CommandFailed' });
  assert.equal((await runShort('echo', ['after'])).stdout, 'after');
});

test('of a program that is too slow it is told what it said', async () => {
  const slow = ['-c', 'echo why >&2; exec sleep 3335'];
  const message = /no answer within \d+ ms: why$/;
  await assert.rejects(runShort('sh', slow, { timeoutMs: 500 }), { code: 'CommandTimeout', message });
  await assert.rejects(run('sh', slow, { timeoutMs: 500 }), { code: 'CommandTimeout', message });
});

test('a program that is too slow, or no longer wanted, is ended with all that it started', async () => {
  const slow = ['-c', 'sleep 3333 & sleep 3334'];
  await assert.rejects(runShort('sh', slow, { timeoutMs: 200 }), { code: 'CommandTimeout' });
  const abort = new AbortController();
  const aborted = assert.rejects(runShort('sh', slow, { signal: abort.signal }), { code: 'CommandFailed' });
  await eventually(async () => (await sleepers()) > 0, { timeoutMs: 5000, describe: 'its children' });
  abort.abort();
  await aborted;
  await eventually(async () => (await sleepers()) === 0, {
    timeoutMs: 5000,
    describe: 'its children to end',
  });
  assert.equal((await runShort('echo', ['after'])).stdout, 'after');
});

test('lanes that wait for work keep no process alive', { timeout: 30_000 }, async () => {
  const module = new URL('../../../src/host/short-command.ts', import.meta.url).href;
  const script = `const { runShort } = await import(${JSON.stringify(module)}); console.log((await runShort('echo', ['hi'])).stdout)`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.equal(stdout.trim(), 'hi');
});

/** How many of them there are; only ours, by their numbers. */
async function sleepers(): Promise<number> {
  const pids = (await readdir('/proc')).filter(entry => /^\d+$/.test(entry));
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter(line => line === 'sleep\x003333\0' || line === 'sleep\x003334\0').length;
}
