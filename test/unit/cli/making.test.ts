import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { ControlModel } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

async function create(t: TestContext, args: readonly string[], control = new ControlModel()) {
  const { rootSocket } = await serve(t, { control });
  const ran = await nspawnctl(['--socket', rootSocket, 'create', ...args]);
  return { ...ran, draft: control.drafts[0] };
}

describe('create', () => {
  it('asks for a name, a root and a pair of addresses, and says what it got', async t => {
    const control = new ControlModel();
    control.onCreate = ({ name, labels, annotations, spec }) => ({
      is: 'created',
      name,
      file: '/m/created/web.yaml',
      content: {
        labels,
        annotations,
        spec: { ...spec, hostAddress: '10.233.1.1', localAddress: '10.233.1.2' },
      },
    });
    const { code, out, err, draft } = await create(t, ['web', '--root', '/nowhere/web'], control);
    assert.deepEqual([code, out], [0, 'web\n']);
    assert.equal(
      err,
      [
        'manifest: /m/created/web.yaml',
        'address: 10.233.1.2 (the host is 10.233.1.1)',
        '/nowhere/web does not exist yet; web can start as soon as it does',
        'make it, for example: debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus stable /nowhere/web',
        'start it: nspawnctl start web',
        '',
      ].join('\n'),
    );
    assert.deepEqual(draft, {
      name: 'web',
      labels: {},
      annotations: {},
      isDryRun: false,
      spec: { root: '/nowhere/web', autoStart: false },
      ensureUniqueName: false,
      allocateAddresses: true,
    });
  });

  it('passes on what was typed', async t => {
    const spec = async (...args: string[]) => (await create(t, ['web', ...args])).draft?.spec;
    const unstarted = { autoStart: false };
    assert.deepEqual(await spec('--path', '/nix/store/x'), { path: '/nix/store/x', ...unstarted });
    assert.deepEqual(await spec('--system-path', '/nix/store/x'), { path: '/nix/store/x', ...unstarted });
    assert.deepEqual(await spec('--config', '{ }', '--root', 'web'), {
      root: resolve('web'),
      config: '{ }',
      ...unstarted,
    });
    assert.deepEqual(await spec('--config-file', 'web.nix'), { config: resolve('web.nix'), ...unstarted });
    assert.deepEqual(await spec('--flake', '/etc/nixos#web', '--auto-start'), {
      flake: '/etc/nixos#web',
      autoStart: true,
    });
    assert.deepEqual(await spec('--root', '/r', '--no-auto-start', '--local-address', '10.0.0.2'), {
      root: '/r',
      ...unstarted,
      privateNetwork: true,
      localAddress: '10.0.0.2',
    });
  });

  it('takes addresses only where none are given and one is wanted', async t => {
    const allocates = async (...args: string[]) =>
      (await create(t, ['web', '--root', '/r', ...args])).draft?.allocateAddresses;
    assert.equal(await allocates(), true);
    assert.equal(await allocates('--host-address', '10.0.0.1'), false);
    assert.equal(await allocates('--host-network'), false);
  });

  it('asks for a unique name', async t => {
    const { draft } = await create(t, ['web', '--root', '/r', '--ensure-unique-name']);
    assert.equal(draft?.ensureUniqueName, true);
  });

  it('is wrong usage (2) without a root, with two, and for what is not possible yet', async t => {
    const check = async (args: readonly string[], says: RegExp) => {
      const { code, out, err, draft } = await create(t, ['web', ...args]);
      assert.deepEqual([code, out, draft], [2, '', undefined], args.join(' '));
      assert.match(err, says);
    };
    await check([], /what is it made of.*\n.*\n.*debootstrap/);
    await check(['--path', '/a', '--flake', '/b'], /--path and --flake exclude each other/);
    await check(
      ['--root', '/r', '--bridge', 'br0'],
      /--bridge is not possible yet: it waits for the field hostBridge/,
    );
    await check(
      ['--root', '/r', '--port', '80:80'],
      /--port is not possible yet: it waits for the field forwardPorts/,
    );
    await check(['--root', '/r', '--host-network', '--local-address', '10.0.0.2'], /--host-network excludes/);
    await check(['--root', '/r', '--nonsense'], /unknown option/);
  });

  it('says why there is none, by the exit code too', async t => {
    const check = async (onCreate: ControlModel['onCreate'], expected: number, says: RegExp) => {
      const control = new ControlModel();
      control.onCreate = onCreate;
      const { code, out, err } = await create(t, ['web', '--root', '/r'], control);
      assert.deepEqual([code, out], [expected, '']);
      assert.match(err, says);
    };
    await check(() => ({ is: 'taken', message: 'web exists already: f:1' }), 78, /web exists already/);
    await check(() => ({ is: 'refused', message: 'cannot write\u001b[2J' }), 78, /cannot write\\x1b\[2J/);
    const problem = { file: 'f', line: 1, column: 1, field: 'spec.root', message: 'no root' };
    await check(
      () => ({ is: 'invalid', problems: [problem, problem] }),
      65,
      /spec\.root: no root\n.*no root/,
    );
  });

  it('is wrong usage (2) for what is no name', async t => {
    const { code, err } = await create(t, ['Web_1', '--root', '/r']);
    assert.equal(code, 2);
    assert.match(err, /not a container name/);
  });
});

describe('destroy', { skip: process.getuid?.() !== 0 ? 'needs root' : false }, () => {
  async function prepare(t: TestContext) {
    const directory = await mkdtemp(join(tmpdir(), 'nspawnctl-destroy-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const control = new ControlModel();
    for (const name of ['web', 'db']) {
      control.putRunning(name);
      await mkdir(join(directory, name, 'etc'), { recursive: true });
    }
    control.onRemove = name => ({ is: 'removed', file: `/m/${name}.yaml`, root: join(directory, name) });
    const { rootSocket } = await serve(t, { control });
    const run = (args: readonly string[], answer?: string) =>
      nspawnctl(['--socket', rootSocket, 'destroy', ...args], answer === undefined ? undefined : { answer });
    return { control, directory, run, left: async () => (await readdir(directory)).sort() };
  }

  it('asks, naming all that goes, and deletes after a yes', async t => {
    const { directory, run, left, control } = await prepare(t);
    const { code, out, err } = await run(['web'], 'yes');
    assert.deepEqual([code, out], [0, 'container/web destroyed\n']);
    assert.match(
      err,
      new RegExp(`web: its manifest /m/web.yaml\n +its root ${directory}/web \\(.* [KM]iB\\)`),
    );
    assert.deepEqual(await left(), ['db']);
    assert.equal(control.get('web'), null);
  });

  it('deletes nothing after anything else', async t => {
    const { run, left, control } = await prepare(t);
    for (const answer of ['', 'n', 'web', 'yeah'])
      assert.deepEqual([(await run(['web'], answer)).code, await left()], [1, ['db', 'web']]);
    assert.notEqual(control.get('web'), null);
  });

  it('deletes nothing where there is nobody to ask (78)', async t => {
    const { run, left } = await prepare(t);
    const { code, err } = await run(['web']);
    assert.equal(code, 78);
    assert.match(err, /nspawnctl destroy --yes web/);
    assert.deepEqual(await left(), ['db', 'web']);
  });

  it('--yes does not ask; several go one after the other', async t => {
    const { run, left } = await prepare(t);
    const { code, out } = await run(['--yes', 'web', 'db', 'web']);
    assert.deepEqual([code, out], [0, 'container/web destroyed\ncontainer/db destroyed\n']);
    assert.deepEqual(await left(), []);
  });

  it('--keep-root keeps the root', async t => {
    const { run, left, control } = await prepare(t);
    assert.equal((await run(['--yes', '--keep-root', 'web'])).code, 0);
    assert.deepEqual(await left(), ['db', 'web']);
    assert.equal(control.get('web'), null);
  });

  it('touches nothing when one of the names is not there (66), or not ours (78)', async t => {
    const { run, left, control } = await prepare(t);
    const missing = await run(['--yes', 'web', 'wbe']);
    assert.equal(missing.code, 66);
    assert.match(missing.err, /did you mean web/);
    control.onRemove = () => ({ is: 'refused', message: 'delete /m/web.yaml yourself' });
    const foreign = await run(['--yes', 'web']);
    assert.equal(foreign.code, 78);
    assert.match(foreign.err, /delete \/m\/web.yaml yourself/);
    assert.deepEqual(await left(), ['db', 'web']);
    assert.notEqual(control.get('web'), null);
  });

  it("touches nothing when the root is somebody else's too", async t => {
    const { run, left, control } = await prepare(t);
    control.onRootObjection = path => `${path} is the root of "other"`;
    const { code, err } = await run(['--yes', 'web']);
    assert.equal(code, 78);
    assert.match(err, /is the root of "other"/);
    assert.deepEqual(await left(), ['db', 'web']);
    assert.notEqual(control.get('web'), null);
  });

  it('leaves the root to a container of the same name that was made meanwhile', async t => {
    const { run, left, control, directory } = await prepare(t);
    for (const looks of [1, 2]) {
      control.putRunning('web');
      let asked = 0;
      control.onRootObjection = (path, except) => {
        const isNew = control.get('web') === null && asked++ >= looks - 1;
        return isNew && except !== 'web' ? `${path} is the root of "web"` : null;
      };
      const { code, err } = await run(['--yes', 'web']);
      assert.equal(code, 78, err);
      assert.match(err, /it is gone, but its root stays: .* is the root of "web"/);
      assert.doesNotMatch(err, /rm -rf/);
      assert.deepEqual(await left(), ['db', 'web']);
      assert.deepEqual(await readdir(join(directory, 'web')), ['etc']);
    }
  });

  it('says what is left when it does not end in time (124)', async t => {
    const { run, left, control, directory } = await prepare(t);
    control.remove = () => {};
    const { code, err } = await run(['--yes', '--timeout', '200ms', 'web']);
    assert.equal(code, 124);
    assert.match(err, new RegExp(`then: rm -rf --one-file-system -- ${directory}/web`));
    assert.deepEqual(await left(), ['db', 'web']);
  });
});
