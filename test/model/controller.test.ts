import assert from 'node:assert/strict';
import { afterEach, describe, type TestContext, test } from 'node:test';
import { findCondition } from '../../src/api/condition.ts';
import { RELIST_MS, World } from './world.ts';

/** The real controller, reconciler and planner on the model of a host. */
const NETWORK = { privateNetwork: true, hostAddress: '10.0.0.1', localAddress: '10.0.0.2' };

describe('the controller on a host', () => {
  let world = new World();
  afterEach(() => {
    const last = world;
    world = new World();
    last.endAtRest();
  });

  async function started(specs: Readonly<Record<string, object>>): Promise<World> {
    for (const [name, spec] of Object.entries(specs)) world.manifests.put(name, { ...spec });
    await world.startController();
    await world.settle();
    return world;
  }

  function ready(name: string): string {
    const condition = findCondition(world.controller.get(name)?.status.conditions ?? [], 'Ready');
    return condition === undefined ? 'none' : `${condition.status}/${condition.reason}`;
  }

  test('an empty directory on an empty host; nothing to do', async () => {
    await started({});
    assert.equal(world.print(), '');
    assert.deepEqual(world.port.trace, []);
  });

  describe('a manifest that is dropped', () => {
    test('becomes a container that is Ready', async () => {
      await started({});
      world.manifests.put('web', NETWORK);
      await world.work();
      assert.equal(ready('web'), 'False/Starting');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
      await world.assertRunning('web');
      assert.equal(
        world.print(),
        'web: active, booted, unit, namespace, joined, mark, registered, guest hosts, history, memory\n' +
          'link ve-web nspawnd:web [10.0.0.1/32 | 10.0.0.2] <-> [10.0.0.2/32 | 10.0.0.1, default via 10.0.0.1]\n' +
          'guard ve-web: 10.0.0.2\n' +
          'hosts file:\n10.0.0.2 web.containers\n',
      );
    });
    test('is there when nspawnd starts, too', async () => {
      await started({ web: {}, db: NETWORK });
      assert.equal(ready('web'), 'True/Ready');
      assert.equal(ready('db'), 'True/Ready');
    });
    test('with a FIFO is Ready when the guest has written to it', async () => {
      await started({});
      world.manifests.put('web', { readiness: 'fifo' });
      await world.work();
      assert.equal(ready('web'), 'False/Starting');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('with autoStart: false is prepared, and started by hand', async () => {
      await started({ web: { ...NETWORK, autoStart: false } });
      assert.equal(ready('web'), 'False/NotStarted');
      assert.ok(world.host.unitFiles.has('web') && world.host.namespaces.has('web'));
      world.host.systemctlStart('web');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('is adopted where its guest runs already', async () => {
      await started({ web: NETWORK });
      const { invocationId } = world.host.unit('web');
      await world.restartController();
      assert.equal(world.host.unit('web').invocationId, invocationId);
      assert.deepEqual(world.port.trace, []);
      assert.equal(ready('web'), 'True/Ready');
    });
  });

  describe('an edit', () => {
    test('that nspawnd has not looked at yet is not lost to a client that saw what was before', async () => {
      await started({ web: NETWORK });
      const { resourceVersion = '' } = world.controller.get('web')?.metadata ?? {};
      const write = (expectedVersion: string | null) =>
        world.controller.writeManifest(
          'web',
          before => ({ ...(before ?? assert.fail()), spec: { ...before?.spec, timeoutStopSec: 5 } }),
          { expectedVersion, isDryRun: false },
        );
      world.manifests.put('web', { ...NETWORK, localAddress: '10.0.0.9' });
      const refused = await write(resourceVersion);
      assert.equal(refused.is === 'objected' && refused.objection.is, 'conflict');
      await world.settle();
      const now = world.controller.get('web')?.metadata.resourceVersion ?? '';
      const [written] = await Promise.all([write(now), world.settle()]);
      assert.equal(written.is, 'written');
      await world.settle();
    });
    test('that is live changes the running guest and restarts nothing', async () => {
      await started({ web: NETWORK });
      const { invocationId } = world.host.unit('web');
      world.manifests.put('web', { ...NETWORK, localAddress: '10.0.0.9' });
      await world.settle();
      assert.equal(world.host.unit('web').invocationId, invocationId);
      await world.assertRunning('web');
      assert.equal(world.host.hostsBlock, '10.0.0.9 web.containers\n');
      assert.deepEqual(world.host.guard.get('ve-web'), ['10.0.0.9']);
    });
    test('that takes a restart restarts once', async () => {
      await started({ web: NETWORK });
      world.manifests.put('web', { ...NETWORK, environment: { A: '1' } });
      await world.settle();
      await world.assertRunning('web');
      assert.equal(world.port.trace.filter(line => line === 'web: launch').length, 2);
      assert.equal(world.controller.get('web')?.status.restarts, 0, 'an edit is no failure');
    });
    test('that takes a restart waits with restartIfChanged: false', async () => {
      await started({ web: { restartIfChanged: false } });
      world.manifests.put('web', { restartIfChanged: false, environment: { A: '1' } });
      await world.settle();
      const status = world.controller.get('web')?.status;
      assert.equal(findCondition(status?.conditions ?? [], 'RestartRequired')?.reason, 'SpecChanged');
      assert.equal(world.port.trace.filter(line => line === 'web: launch').length, 1);
    });
    test('while it boots ends with the newest spec', async () => {
      await started({});
      world.manifests.put('web', { environment: { A: '1' } });
      await world.work();
      world.manifests.put('web', { environment: { A: '2' } });
      await world.settle(10_000);
      await world.assertRunning('web');
    });
    test('that was live does not undo a stop that came after it', async () => {
      await started({ web: NETWORK });
      world.manifests.put('web', { ...NETWORK, localAddress: '10.0.0.9' });
      await world.settle();
      world.host.systemctlStop('web');
      await world.settle(1_000_000);
      assert.equal(ready('web'), 'False/Stopped');
    });
    test('that breaks the file leaves everything as it is', async () => {
      await started({ web: NETWORK });
      world.manifests.breakFile('web');
      await world.settle();
      await world.assertRunning('web');
      const conditions = world.controller.get('web')?.status.conditions ?? [];
      assert.equal(findCondition(conditions, 'ManifestValid')?.status, 'False');
    });
  });

  describe('a manifest that is deleted', () => {
    test('takes everything of ours with it, and nothing else', async () => {
      await started({ web: { ...NETWORK, readiness: 'fifo' }, db: {} });
      const before = world
        .print()
        .split('\n')
        .filter(line => line.startsWith('db:'));
      world.manifests.remove('web');
      await world.settle();
      assert.deepEqual(world.print().trim().split('\n'), before);
      assert.equal(world.controller.get('web'), null);
    });
    test('is Removing until its guest has stopped, and then needs no re-list to go', async () => {
      await started({ web: NETWORK });
      world.manifests.remove('web');
      await world.work();
      assert.equal(world.controller.get('web')?.status.phase, 'Removing');
      world.host.progress();
      await world.work();
      assert.equal(world.controller.get('web'), null);
      assert.equal(world.print(), '');
      await world.settle();
    });
    test('and cannot be removed yet says why, and is tried again', async () => {
      await started({ web: NETWORK });
      world.port.failing = 'removeUnit';
      world.manifests.remove('web');
      await world.settle();
      const object = world.controller.get('web');
      assert.equal(object?.status.phase, 'Removing');
      assert.equal(findCondition(object?.status.conditions ?? [], 'Ready')?.message, 'removeUnit fails');
      world.port.failing = null;
      await world.settle();
      assert.equal(world.controller.get('web'), null);
      assert.equal(world.print(), '');
    });
    test('while its guest boots', async () => {
      await started({});
      world.manifests.put('web', NETWORK);
      await world.work();
      world.manifests.remove('web');
      await world.settle(10_000);
      assert.equal(world.print(), '');
    });
    test('while nspawnd is down', async () => {
      await started({ web: NETWORK });
      world.killController();
      world.manifests.remove('web');
      await world.startController();
      await world.settle();
      assert.equal(world.print(), '');
    });
    test('before it was ever started leaves no memory either', async () => {
      await started({ web: { autoStart: false } });
      world.manifests.remove('web');
      await world.settle();
      assert.equal(world.print(), '');
    });
    test('while nspawnd is down, and was never valid, leaves no memory either', async () => {
      await started({});
      world.manifests.breakFile('web');
      await world.settle();
      assert.ok(world.host.memories.has('web'), 'it was told what is wrong with it');
      world.killController();
      world.manifests.remove('web');
      await world.restartController();
      assert.equal(world.print(), '');
    });
    test('as far as a directory that cannot be read can tell, and was never valid, keeps what was asked of it', async () => {
      await started({});
      world.manifests.breakFile('web');
      await world.settle();
      await world.controller.suspend('web', null);
      world.killController();
      world.manifests.remove('web');
      world.manifests.heal({ reason: 'DirectoryMissing', message: 'there is no directory' });
      await world.restartController();
      assert.ok(world.host.suspensions.has('web'));
    });
    test('and dropped again starts anew', async () => {
      await started({ web: NETWORK });
      world.host.systemctlStop('web');
      await world.settle();
      world.manifests.remove('web');
      await world.settle();
      world.manifests.put('web', NETWORK);
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
  });

  describe('a guest that ends', () => {
    test('by a crash is started again after its backoff', async () => {
      await started({ web: NETWORK });
      world.host.guestPanics('web');
      await world.settle();
      assert.equal(ready('web'), 'False/BackOff');
      await world.pass(790);
      assert.equal(ready('web'), 'False/BackOff');
      await world.settle(1200);
      assert.equal(ready('web'), 'True/Ready');
      await world.assertRunning('web');
      assert.equal(world.controller.get('web')?.status.restarts, 1);
    });
    test('by crashes in a row waits longer each time, also across a restart of nspawnd', async () => {
      await started({ web: {} });
      const waits: number[] = [];
      for (let crash = 0; crash < 4; crash++) {
        world.host.guestPanics('web');
        await world.settle();
        waits.push(world.waits()[0] ?? 0);
        await world.restartController();
        await world.settle(20_000);
      }
      assert.deepEqual(
        waits.map(ms => Math.abs(Math.round(Math.log2(ms / 1000)))),
        [0, 1, 2, 3],
        waits.join(),
      );
      const conditions = world.controller.get('web')?.status.conditions ?? [];
      assert.equal(findCondition(conditions, 'CrashLooping')?.status, 'True');
    });
    test('is forgiven after ten minutes', async () => {
      await started({ web: {} });
      world.host.guestPanics('web');
      await world.settle(1200);
      await world.settle(700_000);
      assert.equal(world.host.histories.get('web')?.failures, 0);
      world.host.guestPanics('web');
      await world.settle();
      assert.ok((world.waits()[0] ?? 0) <= 1200);
      await world.settle(2000);
    });
    test('by its own poweroff stays down', async () => {
      await started({ web: {} });
      world.host.guestPowersOff('web');
      await world.settle(1_000_000);
      assert.equal(ready('web'), 'False/ExitedCleanly');
    });
    test('by a reboot is up again at once', async () => {
      await started({ web: NETWORK });
      world.host.guestReboots('web');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
      assert.equal(world.controller.get('web')?.status.restarts, 0);
    });
    test('while nspawnd is down is dealt with the same', async () => {
      await started({ web: {}, db: {}, app: {}, old: {} });
      world.killController();
      world.host.guestReboots('web');
      world.host.guestPowersOff('db');
      world.host.guestPanics('app');
      world.host.systemctlStop('old');
      while (world.host.progress());
      await world.startController();
      await world.settle(1200);
      assert.deepEqual(['web', 'db', 'app', 'old'].map(ready), [
        'True/Ready',
        'False/ExitedCleanly',
        'True/Ready',
        'False/Stopped',
      ]);
    });
    test('at once, again and again, is counted once for each time', async () => {
      await started({ web: {} });
      for (let crash = 1; crash <= 3; crash++) {
        world.host.guestPanics('web');
        await world.look();
        await world.look();
        assert.equal(world.host.histories.get('web')?.failures, crash);
        await world.settle(10_000);
      }
    });
    test('with a registration that outlives it comes back all the same', async () => {
      await started({ web: NETWORK });
      world.host.leaksRegistrations = true;
      world.host.killNspawn('web');
      world.host.leaksRegistrations = false;
      await world.settle(1200);
      await world.assertRunning('web');
    });
  });

  describe('a person', () => {
    test('who stops it with nspawnctl finds it stopped until it is started', async () => {
      await started({ web: NETWORK });
      await world.controller.request('web', 'stop');
      await world.settle(1_000_000);
      assert.equal(ready('web'), 'False/Stopped');
      await world.restartController();
      await world.settle(1_000_000);
      assert.equal(ready('web'), 'False/Stopped');
      await world.controller.request('web', 'start');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('who stops it with systemctl, and starts it, is followed', async () => {
      await started({ web: NETWORK });
      world.host.systemctlStop('web');
      await world.settle(1_000_000);
      assert.equal(ready('web'), 'False/Stopped');
      world.host.systemctlStart('web');
      await world.settle();
      await world.assertRunning('web');
    });
    test('who stops it while it boots gets it stopped, soon', async () => {
      await started({});
      world.manifests.put('web', {});
      await world.work();
      await world.controller.request('web', 'stop');
      await world.settle(3000);
      assert.equal(ready('web'), 'False/Stopped');
      assert.ok(world.port.trace.includes('web: killActivating'));
    });
    test('who terminates it has it down at once, and it stays down like any other', async () => {
      await started({ web: NETWORK });
      await world.controller.request('web', 'terminate');
      await world.settle(0);
      assert.equal(ready('web'), 'False/Stopped');
      assert.ok(world.port.trace.includes('web: killMain'));
      await world.settle(1_000_000);
      assert.equal(ready('web'), 'False/Stopped');
      await world.controller.request('web', 'start');
      await world.settle();
      await world.assertRunning('web');
    });
    test('who stops what is backing off', async () => {
      await started({ web: {} });
      world.host.guestPanics('web');
      await world.look();
      await world.controller.request('web', 'stop');
      await world.settle(1_000_000);
      assert.equal(ready('web'), 'False/Stopped');
    });
    test('who restarts it gets another run', async () => {
      await started({ web: NETWORK });
      const { invocationId } = world.host.unit('web');
      await world.controller.request('web', 'restart');
      await world.settle();
      await world.assertRunning('web');
      assert.notEqual(world.host.unit('web').invocationId, invocationId);
      assert.equal(world.host.requests.size, 0);
    });
    test('who restarts what is backing off does not wait', async () => {
      await started({ web: {} });
      world.host.guestPanics('web');
      await world.settle();
      await world.controller.request('web', 'restart');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('who deletes the link gets it back under the running guest', async () => {
      await started({ web: NETWORK });
      const { invocationId } = world.host.unit('web');
      world.host.deleteLink('web');
      await world.settle();
      await world.assertRunning('web');
      assert.equal(world.host.unit('web').invocationId, invocationId);
    });
    test('who deletes the namespace gets its name back under the running guest', async () => {
      await started({ web: NETWORK });
      const { invocationId } = world.host.unit('web');
      world.host.deleteNamespace('web');
      await world.settle();
      await world.assertRunning('web');
      assert.equal(world.host.unit('web').invocationId, invocationId);
    });
    test('who empties the hosts file finds the names back', async () => {
      await started({ web: NETWORK });
      world.host.emptyHostsFile();
      await world.settle();
      assert.equal(world.host.hostsBlock, '10.0.0.2 web.containers\n');
    });
    test('who masks the unit is told so, and unmasking helps', async () => {
      world.host.unit('web').isMasked = true;
      await started({ web: {} });
      assert.equal(ready('web'), 'False/UnitShadowed');
      world.host.unit('web').isMasked = false;
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('whose own unit has the name keeps it', async () => {
      world.host.unitFiles.set('web', '[Service]\nExecStart=/bin/true\n');
      await started({ web: NETWORK });
      assert.equal(ready('web'), 'False/UnitShadowed');
      assert.equal(world.host.unitFiles.get('web'), '[Service]\nExecStart=/bin/true\n');
      world.host.unitFiles.delete('web');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('whose unit keeps ours loaded gets the edited one all the same', async () => {
      world.host.unit('web').isPinned = true;
      await started({ web: {} });
      world.manifests.put('web', { environment: { A: '1' } });
      await world.settle();
      await world.assertRunning('web');
    });
    test('who mounts the root a minute later needs to do nothing more', async () => {
      world.host.roots.set('/var/lib/machines/web', {
        state: 'missing',
        realPath: '',
        missing: [],
        detail: '',
      });
      await started({ web: {} });
      assert.equal(ready('web'), 'False/RootMissing');
      await world.pass(60_000);
      world.host.roots.delete('/var/lib/machines/web');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
  });

  describe('the host', () => {
    test('that shuts down is not disturbed, and nothing counts as a failure', async () => {
      await started({ web: NETWORK });
      world.host.isStopping = true;
      world.host.guestPowersOff('web');
      world.manifests.put('db', {});
      await world.settle(10_000);
      assert.equal(world.host.unit('db').run, undefined);
      assert.equal(world.host.histories.get('web')?.failures, 0);
      world.host.isStopping = false;
      world.manifests.remove('db');
      await world.settle();
    });
    test('whose signals are lost is looked at again', async () => {
      await started({ web: NETWORK });
      world.host.losesSignals = true;
      world.host.guestReboots('web');
      await world.work();
      assert.equal(world.host.unit('web').run, undefined);
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('that cannot watch more guests starts the others when there is room', async () => {
      world.host.guestLimit = 2;
      await started({ a: {}, b: {}, c: {} });
      assert.equal(world.host.countRuns(), 2);
      const waiting = ['a', 'b', 'c'].find(name => world.host.unit(name).run === undefined) ?? '';
      assert.equal(ready(waiting), 'False/InotifyInstances');
      world.host.guestLimit = null;
      await world.settle();
      assert.equal(ready(waiting), 'True/Ready');
    });
  });

  describe('a step that fails', () => {
    test('is told, leaves the rest of the plan for the next try, and is tried again', async () => {
      await started({});
      world.port.failing = 'writeUnit';
      world.manifests.put('web', NETWORK);
      await world.work();
      assert.equal(ready('web'), 'False/CommandFailed');
      assert.ok(!world.port.trace.includes('web: launch'));
      assert.equal(world.controller.describe('web')?.events.at(-1)?.reason, 'CommandFailed');
      world.port.failing = null;
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
    });
    test('under a running guest leaves it running', async () => {
      await started({ web: NETWORK });
      world.port.failing = 'buildSandbox';
      world.host.deleteLink('web');
      await world.settle();
      assert.equal(ready('web'), 'True/Ready');
      world.port.failing = null;
      await world.settle();
      await world.assertRunning('web');
    });
  });

  describe('without any signal, nspawnd by itself', () => {
    const onlyTime = (context: TestContext) => context.mock.timers.enable({ apis: ['setTimeout'] });

    test('tries a failed step again after about a second', async context => {
      onlyTime(context);
      await started({});
      world.port.failing = 'writeUnit';
      world.manifests.put('web', NETWORK);
      await world.work();
      world.port.failing = null;
      context.mock.timers.tick(700);
      await world.work();
      assert.ok(!world.port.trace.includes('web: launch'));
      context.mock.timers.tick(600);
      await world.work();
      assert.ok(world.port.trace.includes('web: launch'));
      await world.settle();
    });
    test('starts it again when its backoff is over', async context => {
      onlyTime(context);
      await started({ web: NETWORK });
      world.host.guestPanics('web');
      await world.work();
      world.host.advance(1300);
      context.mock.timers.tick(1300);
      await world.work();
      assert.equal(ready('web'), 'False/Starting');
      await world.settle();
    });
    test('sends the second SIGTERM two seconds after a stop of a guest that boots', async context => {
      onlyTime(context);
      await started({});
      world.manifests.put('web', {});
      await world.work();
      await world.controller.request('web', 'stop');
      await world.work();
      world.host.advance(2000);
      context.mock.timers.tick(2000);
      await world.work();
      assert.equal(ready('web'), 'False/Stopped');
      await world.settle();
    });
    test('reads everything once more for what was announced while it was reading', async () => {
      await started({ web: {} });
      const list = world.port.list.bind(world.port);
      let isFirst = true;
      world.port.list = async () => {
        const names = await list();
        if (isFirst) world.host.unitFiles.set('orphan', world.host.unitFiles.get('web') ?? '');
        if (isFirst) world.host.trigger(null);
        isFirst = false;
        return names;
      };
      await world.look();
      assert.ok(!world.host.unitFiles.has('orphan'), world.print());
    });

    test('finds with its next re-list what nobody announced', async context => {
      onlyTime(context);
      await started({ web: NETWORK });
      world.host.losesSignals = true;
      world.host.guestReboots('web');
      await world.work();
      assert.equal(world.host.unit('web').run, undefined);
      context.mock.timers.tick(RELIST_MS);
      await world.work();
      assert.ok(world.host.unit('web').run !== undefined);
      await world.settle();
    });
  });

  test('a restarted nspawnd still knows the history that people read, and since when things are as they are', async () => {
    await started({ web: NETWORK });
    const before = world.controller.describe('web');
    world.host.advance(60_000);
    await world.restartController();
    const after = world.controller.describe('web');
    assert.deepEqual(after?.events, before?.events);
    assert.deepEqual(after?.container.status.conditions, before?.container.status.conditions);
    assert.ok((before?.events.length ?? 0) > 0);
  });

  describe('one bad container', () => {
    test('never delays another', async () => {
      world.host.roots.set('/var/lib/machines/bad1', {
        state: 'symlink',
        realPath: '',
        missing: [],
        detail: '/',
      });
      world.host.unit('bad2').isMasked = true;
      // Those that wait for nothing but their guest; who waits for a slot is a matter of its own.
      world.maxConcurrentBoots = 30;
      const bad = Object.fromEntries(
        Array.from({ length: 20 }, (_, index) => [`bad${index}`, { readiness: 'fifo' }]),
      );
      for (const [name, spec] of Object.entries({ ...bad, good: NETWORK }))
        world.manifests.put(name, { ...spec });
      await world.startController();
      // None of the twenty has booted, two cannot be started at all.
      while (world.host.unit('good').run?.hasBooted !== true) {
        const index = world.host.pending.findIndex(event => event.name === 'good');
        assert.ok(index >= 0, world.print());
        world.host.progress(index);
      }
      await world.work();
      assert.equal(ready('good'), 'True/Ready');
      assert.equal(ready('bad0'), 'False/Starting');
      await world.settle();
    });
  });
});
