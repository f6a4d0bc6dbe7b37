import assert from 'node:assert/strict';
import { afterEach, describe, mock, test } from 'node:test';
import { findCondition } from '../../src/api/condition.ts';
import { World } from './world.ts';

/** Who boots when: the real controller on the model of a host, whose guests come up one at a time, when they are let. */
describe('who boots when', () => {
  let world = new World();
  afterEach(() => {
    const last = world;
    world = new World();
    last.endAtRest();
  });

  async function started(specs: Readonly<Record<string, object>>, maxConcurrentBoots = 9): Promise<void> {
    world.maxConcurrentBoots = maxConcurrentBoots;
    for (const [name, spec] of Object.entries(specs)) world.manifests.put(name, { ...spec });
    await world.startController();
  }

  /** The next guest that boots is up, and nspawnd has seen it. */
  async function oneComesUp(): Promise<void> {
    assert.ok(world.host.progress(), 'a guest boots');
    await world.work();
  }

  function launches(): readonly string[] {
    return world.port.trace.filter(line => line.endsWith(': launch')).map(line => line.replace(/:.*/, ''));
  }

  function ready(name: string): string {
    const condition = findCondition(world.controller.get(name)?.status.conditions ?? [], 'Ready');
    return condition === undefined ? 'none' : `${condition.status}/${condition.reason}`;
  }

  describe('what a container depends on', () => {
    test('is Ready before it starts, and it starts as soon as it is', async () => {
      await started({ app: { dependsOn: ['db'] }, db: { dependsOn: ['disk'] }, disk: {}, other: {} });
      assert.deepEqual([...launches()].sort(), ['disk', 'other']);
      assert.equal(ready('app'), 'False/DependencyNotReady');
      await oneComesUp();
      await oneComesUp();
      assert.deepEqual(launches().slice(2), ['db']);
      await oneComesUp();
      assert.deepEqual(launches().slice(2), ['db', 'app']);
      await world.settle();
      await world.assertRunning('app', 'db', 'disk', 'other');
    });
    test('is waited for while there is no such container', async () => {
      await started({ app: { dependsOn: ['db'] } });
      await world.settle();
      const condition = findCondition(world.controller.get('app')?.status.conditions ?? [], 'Ready');
      assert.equal(condition?.message, 'waits until db is Ready: there is no such container');
      world.manifests.put('db', {});
      await world.settle();
      await world.assertRunning('app', 'db');
    });
    test('is waited for while it is stopped, or is not to start by itself', async () => {
      await started({ app: { dependsOn: ['db'] }, db: { autoStart: false } });
      await world.settle();
      assert.equal(ready('app'), 'False/DependencyNotReady');
      await world.controller.request('db', 'start');
      await world.work();
      await oneComesUp();
      assert.deepEqual(launches(), ['db', 'app']);
      await world.settle();
    });
    test('holds only starts: it may stop, fail and restart under one that runs', async () => {
      await started({ app: { dependsOn: ['db'] }, db: {} });
      await world.settle();
      const run = world.host.unit('app').invocationId;
      world.host.systemctlStop('db');
      await world.settle();
      await world.controller.request('db', 'start');
      await world.settle();
      assert.equal(world.host.unit('app').invocationId, run);
    });
    test('comes first when both crash', async () => {
      await started({ app: { dependsOn: ['db'] }, db: {} });
      await world.settle();
      world.host.killNspawn('db');
      world.host.killNspawn('app');
      await world.settle(100_000);
      assert.deepEqual(launches(), ['db', 'app', 'db', 'app']);
      await world.assertRunning('app', 'db');
    });
    test('is no longer waited for when the manifest no longer says so', async () => {
      await started({ app: { dependsOn: ['db'] } });
      await world.settle();
      world.manifests.put('app', {});
      await world.settle();
      await world.assertRunning('app');
    });
    test('can be given up: a stop holds, and a removal is one', async () => {
      await started({ app: { dependsOn: ['db'] } });
      await world.settle();
      await world.controller.request('app', 'stop');
      await world.settle();
      assert.equal(ready('app'), 'False/Stopped');
      world.manifests.remove('app');
      await world.settle();
      assert.equal(world.print(), '');
    });
    test('is told by signals alone', async () => {
      await started({ app: { dependsOn: ['db'] }, db: {} });
      await oneComesUp();
      await oneComesUp();
      assert.equal(ready('app'), 'True/Ready', 'without a re-list');
      await world.settle();
    });
  });

  describe('a cap on simultaneous boots', () => {
    const five = { a: {}, b: {}, c: {}, d: {}, e: {} };

    test('holds the others back, in their order, until one is up', async () => {
      await started(five, 2);
      assert.deepEqual(launches(), ['a', 'b']);
      assert.equal(ready('c'), 'False/BootSlot');
      assert.equal(world.host.pending.length, 2);
      await oneComesUp();
      assert.deepEqual(launches(), ['a', 'b', 'c']);
      await oneComesUp();
      assert.deepEqual(launches(), ['a', 'b', 'c', 'd']);
      await world.settle();
      await world.assertRunning('a', 'b', 'c', 'd', 'e');
    });
    test('lets the higher priority go first', async () => {
      await started({ ...five, d: { priority: 1 }, e: { priority: 2 }, a: { priority: -1 } }, 1);
      await world.settle();
      assert.deepEqual(launches(), ['e', 'd', 'b', 'c', 'a']);
    });
    test('is not filled by one that fails', async () => {
      world.host.roots.set('/srv/gone', { state: 'missing', realPath: '', missing: [], detail: '' });
      await started({ ...five, a: { root: '/srv/gone' }, b: { dependsOn: ['a'] } }, 1);
      world.port.failing = null;
      await world.settle();
      await world.assertRunning('c', 'd', 'e');
    });
    test('is not filled by one that crashes while it boots', async () => {
      await started(five, 1);
      assert.deepEqual(launches(), ['a']);
      world.host.guestPanics('a');
      await world.work();
      assert.deepEqual(launches(), ['a', 'b']);
      await world.settle(400_000);
    });
    test('is not filled by one whose launch fails', async () => {
      world.maxConcurrentBoots = 1;
      await world.startController();
      world.port.failing = 'launch';
      world.manifests.put('a', {});
      await world.work();
      assert.equal(ready('a'), 'False/CommandFailed');
      world.port.failing = null;
      world.manifests.put('b', {});
      await world.work();
      assert.equal(ready('b'), 'False/Starting');
      await world.settle(400_000);
    });
    test('is not filled by those that hang', async () => {
      mock.timers.enable({ apis: ['setTimeout'] });
      try {
        await started(five, 2);
        assert.deepEqual(launches(), ['a', 'b']);
        mock.timers.tick(10_000);
        await world.work();
        assert.deepEqual(launches(), ['a', 'b', 'c', 'd']);
      } finally {
        mock.timers.reset();
      }
      await world.settle();
    });
    test('does not keep a person waiting', async () => {
      await started({ ...five, p: { autoStart: false } }, 1);
      await world.controller.request('p', 'start');
      await world.work();
      assert.deepEqual(launches(), ['a', 'p']);
      await world.settle();
    });
    test('counts those that boot already when nspawnd starts', async () => {
      await started({ b: {} }, 1);
      world.killController();
      world.manifests.put('a', {});
      await world.startController();
      assert.deepEqual(launches(), [], 'of the nspawnd that runs now');
      assert.equal(ready('a'), 'False/BootSlot');
      await oneComesUp();
      assert.deepEqual(launches(), ['a']);
      await world.settle();
    });
  });
});
