import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../testbed/eventually.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve, temporaryDirectory } from '../server/serving.ts';
import { bundle, type Command, HANG_MS } from './nspawnctl.ts';

let command: Command;
before(async () => {
  command = await bundle();
});
after(() => command.remove());

/** A user to whom a mode of 0600 means something. */
const SOMEBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534, cwd: '/' } : {};

const MANIFEST = `apiVersion: nspawnd.io/v1alpha1
kind: Container
metadata: { name: web }
spec:
  root: /var/lib/machines/web
`;
const BAD_MANIFEST = `${MANIFEST}  privateNetwork: true\n  hostAddress: 10.231.136\n`;

describe('permissions', () => {
  it('a member of the group reads by the other socket without saying so, and may not steer (77)', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const gid = SOMEBODY.gid ?? process.getgid?.() ?? 0;
    const { directory, rootSocket } = await serve(t, { control, readGroupId: gid });
    await chmod(directory, 0o755);
    if (SOMEBODY.uid === undefined) await chmod(rootSocket, 0);
    assert.equal((await command.run(['--socket', directory, 'get'], SOMEBODY)).code, 0);
    const { code, err } = await command.run(['--socket', directory, 'stop', 'web'], SOMEBODY);
    assert.equal(code, 77);
    assert.equal(err, `nspawnctl: not permitted to use ${rootSocket}\n  run the same command with sudo\n`);
    assert.deepEqual(control.requests, []);
  });

  it('anybody else is told both ways in (77)', async t => {
    const { directory, rootSocket, readSocket } = await serve(t);
    if (SOMEBODY.uid === undefined) for (const socket of [rootSocket, readSocket]) await chmod(socket, 0);
    const { code, err } = await command.run(['--socket', directory, 'get'], SOMEBODY);
    assert.equal(code, 77);
    assert.match(err, /^nspawnctl: not permitted to use .*nspawnd\.sock \(root\) or .*read\.sock/);
    assert.match(err, /sudo/);
  });
});

describe('standard input', () => {
  it('reads standard input', async () => {
    const good = await command.run(['validate', '-'], { stdin: MANIFEST });
    assert.deepEqual([good.code, good.out], [0, '1 container in 1 file: valid\n']);
    const bad = await command.run(['validate', '-'], { stdin: BAD_MANIFEST });
    assert.equal(bad.code, 65);
    assert.match(bad.out, /^<stdin>:7:16: spec\.hostAddress/m);
  });

  it('sends files by their full path, and shows problems by the path that was typed (65)', async t => {
    const directory = await temporaryDirectory(t);
    await mkdir(join(directory, 'm'));
    await writeFile(join(directory, 'm', 'a.yaml'), 'kind: Container\n');
    const control = new ControlModel();
    control.onPreview = async files => [
      {
        name: null,
        changes: [],
        plan: '',
        problems: files.map(({ file }) => ({
          file,
          line: 1,
          column: 1,
          field: 'spec',
          message: 'is missing',
        })),
      },
    ];
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await command.run(['--socket', rootSocket, 'diff', 'm', '-'], {
      cwd: directory,
      stdin: 'x: 1',
    });
    assert.equal(code, 65);
    assert.equal(err, 'm/a.yaml:1:1: spec: is missing\n<stdin>:1:1: spec: is missing\n');
    assert.deepEqual(control.previewed, [
      [
        { file: join(directory, 'm', 'a.yaml'), text: 'kind: Container\n' },
        { file: '<stdin>', text: 'x: 1' },
      ],
    ]);
  });
});

describe('a reader that has seen enough', () => {
  it('ends it quietly, and the exit code stays the honest one', async t => {
    const control = new ControlModel();
    for (let number = 0; number < 1_000; number += 1)
      control.putRunning(`c${number}`, { message: 'x'.repeat(500) });
    const { rootSocket } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'get', '-o', 'json', 'c1', 'c2', 'ghost']);
    running.child.stdout?.destroy();
    const { code, err } = await running.ended;
    assert.equal(code, 66);
    assert.match(err, /^nspawnctl: no container "ghost"/);
    assert.doesNotMatch(err, /EPIPE/);
    const big = command.start(['--socket', rootSocket, 'get', '-o', 'yaml']);
    big.child.stdout?.once('data', () => big.child.stdout?.destroy());
    assert.deepEqual([(await big.ended).code, big.err()], [0, '']);
  });

  it('that is slow gets everything', async t => {
    const control = new ControlModel();
    for (let number = 0; number < 1_000; number += 1) control.putRunning(`c${number}`);
    const { rootSocket } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'get', '-o', 'json']);
    running.child.stdout?.pause();
    await eventually(() => running.child.stdout?.readableLength !== 0);
    running.child.stdout?.resume();
    const { code, out } = await running.ended;
    assert.equal(code, 0);
    assert.equal(JSON.parse(out).items.length, 1_000);
  });
});

describe('as a process of its own', { concurrency: 2 }, () => {
  // Of every command and situation: exit-codes.test.ts.
  it('it ends with the code of the table', async t => {
    const directory = await temporaryDirectory(t);
    const file = join(directory, 'web.yaml');
    await writeFile(file, MANIFEST);
    const control = new ControlModel();
    control.putRunning('web');
    control.onPreview = async () => [{ name: 'web', problems: [], changes: [], plan: 'launch web' }];
    control.sourceStatus = { ...control.sourceStatus, held: { hash: 'abc', names: ['web'] } };
    const { rootSocket, readSocket } = await serve(t, { control });
    const cases: readonly [code: number, ...args: string[]][] = [
      [0, 'get'],
      [1, 'diff', file],
      [2, 'gte'],
      [65, 'validate', '-'],
      [66, 'get', 'wbe'],
      [69, 'get', '--socket', join(directory, 'none.sock')],
      [77, 'stop', 'web', '--socket', readSocket],
      [78, 'prune', '--confirm', 'abd'],
      [124, 'restart', 'web', '--timeout', '50ms'],
    ];
    for (const [expected, ...args] of cases) {
      const { code, out, err } = await command.run(['--socket', rootSocket, ...args]);
      assert.equal(code, expected, `${args.join(' ')}: ${out}${err}`);
    }
    control.list = () => [{} as never];
    assert.equal((await command.run(['--socket', rootSocket, 'get'])).code, 70);
  });

  it('an answer that cannot be written is no success', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { rootSocket } = await serve(t, { control });
    const full = openSync('/dev/full', 'w');
    t.after(() => closeSync(full));
    const child = spawn(process.execPath, [command.file, '--socket', rootSocket, 'get'], {
      stdio: ['ignore', full, 'pipe'],
      timeout: HANG_MS,
      killSignal: 'SIGKILL',
    });
    const err = child.stderr?.setEncoding('utf8').toArray() ?? [];
    const [code] = await once(child, 'close');
    assert.equal(code, 70);
    assert.match((await err).join(''), /^nspawnctl: cannot write: .*ENOSPC/);
  });

  it('colours only on a terminal, and never with NO_COLOR', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { rootSocket } = await serve(t, { control });
    const coloured = '\u001b[32mRunning\u001b[0m';
    const args = ['--socket', rootSocket, 'get'];
    assert.ok((await onTerminal(command.file, args, {})).includes(coloured));
    assert.ok(!(await onTerminal(command.file, args, { NO_COLOR: '1' })).includes('\u001b'));
    assert.ok(!(await onTerminal(command.file, args, { TERM: 'dumb' })).includes('\u001b'));
    assert.ok(!(await command.run(args)).out.includes('\u001b'));
  });
});

/** What a terminal would get; script(1) is in every Debian. */
async function onTerminal(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const line = [process.execPath, file, ...args].map(word => `'${word}'`).join(' ');
  const { NO_COLOR: _, ...inherited } = process.env;
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    env: { ...inherited, TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: HANG_MS,
    killSignal: 'SIGKILL',
  });
  return (await child.stdout.setEncoding('utf8').toArray()).join('');
}
