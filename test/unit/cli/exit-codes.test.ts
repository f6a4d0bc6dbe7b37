import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { EXIT } from '../../../src/cli/exit-code.ts';
import { ControlModel } from '../server/control-model.ts';
import { type Serving, serve, temporaryDirectory } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

/** Each command in each situation it can be in, with what it answers to the shell: design, "Exit codes of every command". */

/** Of a container that there is; what asks and what steers. */
const ASKING: readonly (readonly string[])[] = [
  ['get'],
  ['get', 'web'],
  ['get', '-w'],
  ['get', '-o', 'jsonpath={.items}'],
  ['describe', 'web'],
  ['list'],
  ['status', 'web'],
  ['wait', 'web', '--for=condition=Ready'],
  ['wait', '--all', '--for=delete'],
  ['show-ip', 'web'],
  ['generations', 'web'],
  ['diff'],
  ['prune'],
  ['events', 'web'],
  ['version'],
];
const STEERING: readonly (readonly string[])[] = [
  ['start', 'web'],
  ['stop', 'web'],
  ['restart', 'web'],
  ['terminate', 'web'],
  ['stop', 'web', '--no-wait'],
  ['update', 'web'],
  ['rollback', 'web'],
  ['create', 'new', '--root', '/r'],
  ['destroy', 'web', '--yes'],
  ['prune', '--confirm', 'abc'],
  ['delete', 'web'],
  ['suspend', 'web'],
  ['resume', 'web'],
  ['reconcile', 'web'],
];
/** Of a container that there is not. */
const OF_NOBODY: readonly (readonly string[])[] = [
  ['get', 'ghost'],
  ['get', '-w', 'ghost'],
  ['get', 'ghost', '-o', 'json'],
  ['describe', 'ghost'],
  ['status', 'ghost'],
  ['wait', 'ghost', '--for=condition=Ready'],
  ['show-ip', 'ghost'],
  ['show-host-key', 'ghost'],
  ['start', 'ghost'],
  ['stop', 'web', 'ghost'],
  ['restart', 'ghost'],
  ['terminate', 'ghost'],
  ['update', 'ghost'],
  ['rollback', 'ghost'],
  ['generations', 'ghost'],
  ['destroy', 'ghost', '--yes'],
  ['delete', 'ghost'],
  ['suspend', 'ghost'],
  ['resume', 'ghost'],
  ['reconcile', 'ghost'],
  ['events', 'ghost'],
  ...(process.geteuid?.() === 0
    ? [
        ['run', 'ghost', '--', 'true'],
        ['login', 'ghost'],
        ['root-login', 'ghost'],
      ]
    : []),
];

async function check(
  socket: string,
  expected: number,
  lines: readonly (readonly string[])[],
  ...more: readonly string[]
): Promise<void> {
  for (const args of lines) {
    const { code, out, err } = await nspawnctl(['--socket', socket, ...more, ...args]);
    assert.equal(code, expected, `${args.join(' ')}: ${out}${err}`);
  }
}

async function world(t: TestContext): Promise<Serving> {
  const control = new ControlModel();
  control.put('web', { phase: 'Starting', ready: 'False', reason: 'Starting' });
  return serve(t, { control });
}

describe('the exit code', () => {
  it('is 69 while there is no daemon, or one that does not answer, whatever was asked', async t => {
    const directory = await temporaryDirectory(t);
    await check(join(directory, 'none.sock'), EXIT.unavailable, [...ASKING, ...STEERING]);
    const hung = createServer(connection => connection.on('error', () => {}));
    const socket = join(directory, 'hung.sock');
    await new Promise<void>(resolve => hung.listen(socket, resolve));
    t.after(() => hung.close());
    await check(socket, EXIT.unavailable, [...ASKING, ...STEERING], '--request-timeout', '30ms');
  });

  it('is 69 while the daemon starts, and when it has lost its bus', async t => {
    const { control, rootSocket } = await world(t);
    control.sourceStatus = { ...control.sourceStatus, lastScan: '' };
    await check(rootSocket, EXIT.unavailable, [['get'], ['stop', 'web']], '--request-timeout', '150ms');
  });

  it('is 77 for whoever may only read and wants to steer', async t => {
    const { control, readSocket } = await world(t);
    await check(readSocket, EXIT.notPermitted, STEERING);
    assert.deepEqual(control.requests, []);
  });

  it('is 66 for a container that there is not', async t => {
    const { control, rootSocket } = await world(t);
    await check(rootSocket, EXIT.noSuchObject, OF_NOBODY);
    assert.deepEqual(control.requests, []);
  });

  it('is 124 for what does not happen in time', async t => {
    const { control, rootSocket } = await world(t);
    const web = control.put('web');
    control.replace({ ...web, status: { ...web.status, nix: { closure: '/nix/store/a-system' } } });
    const late = ['--timeout', '50ms'];
    await check(rootSocket, EXIT.timedOut, [
      ...['start', 'stop', 'restart', 'terminate', 'update', 'rollback'].map(verb => [verb, 'web', ...late]),
      ['wait', 'web', '--for=condition=Ready', ...late],
      ['wait', 'web', '--for=delete', ...late],
      ['wait', 'ghost', '--for=create', ...late],
    ]);
  });

  it('is 1 for an honest no', async t => {
    const { control, rootSocket } = await world(t);
    control.onPreview = async () => [{ name: 'web', problems: [], changes: [], plan: 'launch web' }];
    control.sourceStatus = { ...control.sourceStatus, held: { hash: 'abc', names: ['web'] } };
    await check(rootSocket, EXIT.no, [['diff'], ['prune'], ['status', 'web'], ['show-ip', 'web']]);
    control.onRequest = name => control.put(name, { phase: 'BackOff', ready: 'False', reason: 'Failed' });
    await check(rootSocket, EXIT.no, [['start', 'web']]);
  });

  it('is 78 for what a guard refuses', async t => {
    const { control, rootSocket } = await world(t);
    control.onCreate = () => ({ is: 'taken', message: 'web exists already' });
    control.onRemove = () => ({ is: 'refused', message: 'not made by create' });
    await check(rootSocket, EXIT.refused, [
      ['prune', '--confirm', 'abc'],
      ['create', 'web', '--root', '/r'],
      ['destroy', 'web', '--yes'],
    ]);
  });

  it('is 65 for an invalid manifest', async t => {
    const { control, rootSocket } = await world(t);
    const file = join(await temporaryDirectory(t), 'web.yaml');
    await writeFile(file, 'kind: Container\n');
    const problem = { file, line: 1, column: 1, field: 'spec', message: 'is missing' };
    control.onPreview = async () => [{ name: null, problems: [problem], changes: [], plan: '' }];
    await check(rootSocket, EXIT.invalidManifest, [
      ['validate', file],
      ['diff', file],
    ]);
  });

  it('is 2 for what cannot be typed, whatever the command is called', async t => {
    const { rootSocket } = await world(t);
    const { out } = await nspawnctl(['--help']);
    assert.doesNotMatch(out, /^Commands:/m, 'each stands under what it is for');
    const commands = [
      ...out.slice(out.indexOf('See how containers are:')).matchAll(/^ {2}([a-z][a-z-]*)/gm),
    ].map(([, name = '']) => name);
    assert.ok(commands.includes('get') && commands.includes('wait'), out);
    for (const command of commands.filter(name => name !== 'help')) {
      const { code, err } = await nspawnctl(['--socket', rootSocket, command, '--no-such-option']);
      assert.equal(code, EXIT.usage, `${command}: ${err}`);
      assert.ok(err.includes(`(nspawnctl ${command} --help shows `), err);
    }
    await check(rootSocket, EXIT.usage, [
      [],
      ['nonsense'],
      ['get', '-o', 'xml'],
      ['get', 'web', '-l', 'a=b'],
      ['get', '-l', 'a=('],
      ['get', '-o', 'jsonpath={.a'],
      ['get', '--sort-by', '['],
      ['wait', 'web'],
      ['wait', 'web', '--for=nothing'],
      ['describe'],
      ['start'],
      ['start', 'web', '--timeout', 'soon'],
      ['rollback', 'web', '--to', 'yesterday'],
      ['create', 'new'],
      ['destroy'],
      ['validate'],
      ['run', 'web'],
      ['--request-timeout', '0', 'get'],
    ]);
  });

  it('is 0 for what is so or has been done', async t => {
    const { control, rootSocket } = await world(t);
    control.putRunning('web', { addresses: ['10.0.0.2'] });
    control.onRequest = (name, verb) =>
      verb === 'start' || verb === 'restart'
        ? control.putRunning(name)
        : control.put(name, { phase: 'Stopped', ready: 'False', reason: 'Stopped', leader: null });
    await check(rootSocket, EXIT.done, [
      ...ASKING.filter(([command, flag]) => flag !== '-w' && flag !== '--all' && command !== 'generations'),
      ['get', 'ghost', '--ignore-not-found'],
      ['get', '-l', 'tier=nobody'],
      ['wait', 'ghost', '--for=delete'],
      ['restart', 'web'],
      ['stop', 'web'],
      ['start', 'web'],
      ['terminate', 'web', '--no-wait'],
      ['create', 'new', '--root', '/r'],
      ['--help'],
      ['help', 'wait'],
      ['--version'],
    ]);
  });
});
