import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../testbed/eventually.ts';
import { type Serving, type ServingOptions, serve } from '../server/serving.ts';
import { hangingNspawnd } from './hanging-nspawnd.ts';
import { nspawnctl, type Ran } from './nspawnctl.ts';

const STARTING = { phase: 'Starting', ready: 'False', reason: 'Starting', message: 'it boots' } as const;
const at = { lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1 };
const STALLED = {
  type: 'Stalled',
  status: 'True',
  reason: 'RootMissing',
  message: 'no /x\u001b',
  ...at,
} as const;
const soon = { everyMs: 5, timeoutMs: 30_000 };

interface Scene extends Serving {
  run(...args: readonly string[]): Promise<Ran>;
}

async function open(t: TestContext, options: ServingOptions = {}): Promise<Scene> {
  const serving = await serve(t, options);
  return {
    ...serving,
    run: (...args) => nspawnctl(['--socket', serving.rootSocket, 'wait', ...args]),
  };
}

/** The command, once it has listed the containers. */
async function begun(scene: Scene, ...args: readonly string[]): Promise<() => Promise<Ran>> {
  let lists = 0;
  const { control } = scene;
  const { list } = control;
  control.list = () => {
    lists += 1;
    return list.call(control);
  };
  const ran = scene.run(...args);
  await eventually(() => lists > 0, soon);
  control.list = list;
  return () => ran;
}

describe('wait', { concurrency: 4 }, () => {
  it('is done at once with what is so already', async t => {
    const { control, run } = await open(t);
    control.putRunning('web');
    for (const what of [
      'condition=Ready',
      'condition=ready=true',
      'condition=CrashLooping=false',
      'create',
      'jsonpath={.status.phase}=Running',
      'jsonpath={.status.phase}="Running"',
      'jsonpath=.status.phase=Running',
      'jsonpath={.status.leader}',
      'jsonpath={.status.conditions[?(@.type=="Ready")].status}=True',
      'jsonpath={.status.restarts}=0',
    ]) {
      const { code, out, err } = await run('web', '--for', what, '--timeout=0');
      const said = what === 'create' ? 'created' : 'condition met';
      assert.deepEqual([code, out, err], [0, `container/web ${said}\n`, ''], what);
    }
    const gone = await run('ghost', '--for=delete');
    assert.deepEqual([gone.code, gone.out], [0, 'container/ghost deleted\n']);
  });

  it('waits for a condition, for either side of it', async t => {
    const scene = await open(t);
    const { control } = scene;
    control.put('web', STARTING);
    const ready = await begun(scene, 'container/web', '--for=condition=Ready');
    control.putRunning('web');
    assert.deepEqual(await ready(), { code: 0, signal: null, out: 'container/web condition met\n', err: '' });
    const down = await begun(scene, 'container', 'web', '--for=condition=Ready=False');
    control.put('web', STARTING);
    assert.equal((await down()).code, 0);
  });

  it('waits for a field, for the end of one, and for one that is not there yet', async t => {
    const scene = await open(t);
    const { control } = scene;
    control.put('web', STARTING);
    const field = await begun(scene, 'web', '--for=jsonpath={.status.phase}=Running');
    control.putRunning('web');
    assert.equal((await field()).code, 0);
    const end = await begun(scene, 'web', '--for=delete');
    control.put('web', STARTING);
    control.remove('web');
    assert.deepEqual(await end(), { code: 0, signal: null, out: 'container/web deleted\n', err: '' });
    const creation = await begun(scene, 'web', 'db', '--for=create');
    control.put('web', STARTING);
    control.put('db', STARTING);
    assert.deepEqual(await creation(), {
      code: 0,
      signal: null,
      out: 'container/web created\ncontainer/db created\n',
      err: '',
    });
  });

  it('waits for all that are selected, and says each', async t => {
    const scene = await open(t);
    const { control, run } = scene;
    for (const name of ['web1', 'web2']) control.put(name, { ...STARTING, labels: { tier: 'front' } });
    control.put('db', STARTING);
    const selected = await begun(scene, '-l', 'tier=front', '--for=condition=Ready');
    for (const name of ['web2', 'web1']) control.putRunning(name);
    assert.equal((await selected()).out, 'container/web2 condition met\ncontainer/web1 condition met\n');
    const all = await begun(scene, '--all', '--for=condition=Ready');
    control.putRunning('db');
    assert.equal((await all()).out.split('\n').length, 4);
    const none = await run('-l', 'tier=back', '--for=condition=Ready');
    assert.deepEqual([none.code, none.err], [66, 'nspawnctl: no container matches\n']);
    assert.equal((await run('-l', 'tier=back', '--for=delete')).code, 0);
  });

  it('is not content with what was said of an older spec', async t => {
    const { control, run } = await open(t);
    const container = control.putRunning('web');
    control.replace({ ...container, metadata: { ...container.metadata, generation: 2 } });
    assert.equal((await run('web', '--for=condition=Ready', '--timeout=0')).code, 124);
  });

  it('ends with 124 when it takes too long, and says how it is and what to do', async t => {
    const { control, run } = await open(t);
    control.put('web', { ...STARTING, waitingFor: 'the guest to boot' });
    const { code, out, err } = await run('web', '--for=condition=Ready', '--timeout=1s');
    assert.deepEqual([code, out], [124, '']);
    assert.equal(
      err,
      'nspawnctl: web: waited for Ready=True in vain: after 1s it is Starting, the guest to boot\n  see why: nspawnctl describe web\n',
    );
    const absent = await run('ghost', '--for=create', '--timeout=0');
    assert.equal(absent.code, 124);
    assert.match(absent.err, /^nspawnctl: ghost: waited for create in vain: it is not there\n/);
    assert.equal((await run('web', '--for=delete', '--timeout=50ms')).code, 124);
  });

  it('does not wait for a name that there is not (66), nor for one that goes meanwhile', async t => {
    const scene = await open(t);
    const { control, run } = scene;
    control.put('web', STARTING);
    control.put('db', STARTING);
    const typo = await run('wbe', '--for=condition=Ready');
    assert.equal(typo.code, 66);
    assert.equal(typo.err, 'nspawnctl: no container "wbe"\n  did you mean web?\n');
    const both = await run('web', 'ghost', '--for=condition=Ready');
    assert.equal(both.code, 66);
    assert.match(both.err, /no container "ghost"/);
    const going = await begun(scene, 'web', '--for=condition=Ready');
    control.remove('web');
    assert.deepEqual(await going(), {
      code: 66,
      signal: null,
      out: '',
      err: 'nspawnctl: container web was deleted while it was waited for\n',
    });
  });

  it('says at once that something is stuck, and goes on', async t => {
    const scene = await open(t);
    const { control } = scene;
    control.put('web', { phase: 'Stalled', ready: 'False', conditions: [STALLED] });
    const stuck = await begun(scene, 'web', '--for=condition=Ready');
    control.put('web', { phase: 'Stalled', ready: 'False', conditions: [STALLED], restarts: 1 });
    control.putRunning('web');
    const { code, err } = await stuck();
    assert.equal(code, 0);
    assert.equal(err, 'container/web: Stalled/RootMissing: no /x\\x1b; still waiting\n');
  });

  it('tells a person what it waits for, after a moment, and a script nothing', async t => {
    const { control, rootSocket } = await open(t);
    control.put('web', { ...STARTING, waitingFor: 'the guest to boot' });
    const args = ['--socket', rootSocket, 'wait', 'web', '--for=condition=Ready', '--timeout=3s'];
    const [person, script] = await Promise.all([nspawnctl(args, {}), nspawnctl(args)]);
    assert.match(person.err, /^container\/web: Starting, the guest to boot \([12]s\)\n/);
    assert.match(script.err, /^nspawnctl: web: waited/);
  });

  it('goes on across a restart of the daemon, and an expired watch', async t => {
    const scene = await open(t, { limits: { historyChanges: 1 } });
    const { control, directory, server } = scene;
    control.put('web', STARTING);
    control.put('db', STARTING);
    const waiting = await begun(scene, 'web', '--for=condition=Ready', '--timeout=60s');
    await eventually(() => control.watcherCount() > 0, soon);
    await server.close();
    for (let number = 0; number < 5; number += 1) control.put('db', { restarts: number });
    control.putRunning('web');
    await serve(t, { control, directory, limits: { historyChanges: 1 } });
    const { code, out } = await waiting();
    assert.deepEqual([code, out], [0, 'container/web condition met\n']);
  });

  it('ends in time also while the daemon is away', async t => {
    const scene = await open(t);
    scene.control.put('web', STARTING);
    const waiting = await begun(scene, 'web', '--for=condition=Ready', '--timeout=1500ms');
    await scene.server.close();
    const { code, err } = await waiting();
    assert.equal(code, 124);
    assert.match(
      err,
      /nspawnd is not running.*\n.*\n.*\nnspawnctl: waiting goes on when nspawnd comes back\n/,
    );
  });

  it('ends with 124 also while an nspawnd that is there does not answer at all', async t => {
    const socket = await hangingNspawnd(t, () => null);
    const { code, out, err } = await nspawnctl([
      ...['--socket', socket, 'wait', 'web', '--for=condition=Ready', '--timeout=50ms'],
    ]);
    assert.deepEqual([code, out], [124, '']);
    assert.match(err, /^nspawnctl: after 50ms nspawnd has not said yet what there is\n/);
  });

  it('that is asked for something that makes no sense is wrong usage (2)', async () => {
    for (const [args, says] of [
      [['web'], /required option '--for <what>' not specified/],
      [['--for=delete'], /wait for which containers\?/],
      [['web', '--all', '--for=delete'], /either names or --all/],
      [['web', '-l', 'a', '--for=delete'], /either names or selectors/],
      [['--all', '--for=create'], /--for=create wants names/],
      [['web', '--for=ready'], /not something to wait for: "ready"\n {2}condition=Ready/],
      [['web', '--for=delete=now'], /not something to wait for/],
      [['web', '--for=condition=Redy'], /no such condition: "Redy"\n {2}did you mean Ready\?/],
      [['web', '--for=condition=Ready=maybe'], /True, False or Unknown/],
      [['web', '--for=jsonpath={.status'], /--for=jsonpath, character 9: expected \}/],
      [['web', '--for=jsonpath={.a}='], /nothing is after the =/],
      [['web', '--for=delete', '--timeout=soon'], /Not a time span/],
    ] as const) {
      const { code, out, err } = await nspawnctl(['--socket', '/nowhere', 'wait', ...args]);
      assert.deepEqual([code, out], [2, ''], args.join(' '));
      assert.match(err, says, args.join(' '));
    }
  });
});
