import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { findCondition } from '../../src/api/condition.ts';
import { World } from './world.ts';

/** An edited spec on trial, by the real controller and planner on the model of a host. */
const GOOD = { privateNetwork: true, localAddress: '10.0.0.2' };
const BROKEN = { ...GOOD, environment: { A: 'broken' } };

describe('an edited container', () => {
  let world = new World();
  afterEach(() => {
    const last = world;
    world = new World();
    last.endAtRest();
  });

  /** Ready for a while with one spec, which is then edited to one with which no guest boots. */
  async function edited(good: object = {}, broken: object = {}): Promise<void> {
    world.host.doomed.add('broken');
    world.manifests.put('web', { ...GOOD, ...good });
    await world.startController();
    await world.settle(10_000);
    world.manifests.put('web', { ...BROKEN, ...good, ...broken });
    await world.settle(20_000);
  }

  function inForce(): readonly number[] {
    const revisions = world.manifests.revisions('web') ?? [];
    return revisions.filter(({ isInForce }) => isInForce).map(({ revision }) => revision);
  }

  function condition(type: 'Ready' | 'RolledBack'): string {
    const found = findCondition(world.controller.get('web')?.status.conditions ?? [], type);
    return found === undefined ? 'none' : `${found.status}/${found.reason}`;
  }

  const launches = () =>
    world.ports.flatMap(({ trace }) => trace).filter(line => line === 'web: launch').length;

  test('that works goes on with its new spec', async () => {
    await edited({}, { environment: { A: 'fine' } });
    assert.deepEqual([condition('Ready'), condition('RolledBack')], ['True/Ready', 'none']);
    assert.deepEqual(inForce(), [2]);
    assert.deepEqual(world.controller.get('web')?.status.rollout, { revision: 2, state: 'Complete' });
  });

  test('that does not work runs with its last spec again', async () => {
    await edited();
    assert.deepEqual([condition('Ready'), condition('RolledBack')], ['True/Ready', 'True/NotReadyInTime']);
    assert.deepEqual(inForce(), [1]);
    assert.deepEqual(world.controller.get('web')?.status.rollout, { revision: 1, state: 'RolledBack' });
    const reasons = world.controller.describe('web')?.events.map(({ reason }) => reason) ?? [];
    assert.ok(reasons.includes('RolledBack'), reasons.join());
    await world.assertRunning('web');
  });

  test('does so also where its last spec would not be started by itself', async () => {
    world.host.doomed.add('broken');
    world.manifests.put('web', { ...GOOD, autoStart: false });
    await world.startController();
    await world.controller.request('web', 'start');
    await world.settle(10_000);
    world.manifests.put('web', { ...BROKEN, autoStart: false });
    await world.settle(20_000);
    assert.deepEqual([condition('Ready'), inForce()], ['True/Ready', [1]]);
  });

  test('does so also where a change restarts nothing and a failure is final', async () => {
    world.host.doomed.add('broken');
    world.manifests.put('web', { ...GOOD, restartIfChanged: false, restartPolicy: 'Never' });
    await world.startController();
    await world.settle(10_000);
    world.manifests.put('web', { ...BROKEN, restartIfChanged: false, restartPolicy: 'Never' });
    await world.settle(1000);
    assert.equal(condition('Ready'), 'True/Ready');
    await world.controller.request('web', 'restart');
    await world.settle(20_000);
    assert.deepEqual([condition('Ready'), inForce()], ['True/Ready', [1]]);
  });

  test('is not tried again until its manifest says something else', async () => {
    await edited();
    const before = launches();
    world.manifests.put('web', BROKEN);
    await world.settle(20_000);
    assert.equal(launches(), before);
    world.manifests.put('web', { ...BROKEN, environment: { A: 'broken', B: '1' } });
    await world.settle(20_000);
    assert.ok(launches() > before);
    assert.deepEqual(inForce(), [1]);
  });

  test('is tried again when somebody asks for that', async () => {
    await edited();
    world.host.doomed.clear();
    await world.manifests.retrySpec('web');
    await world.settle(20_000);
    assert.deepEqual([condition('Ready'), condition('RolledBack')], ['True/Ready', 'none']);
    assert.deepEqual(inForce(), [3]);
  });

  test('stays as it is when it was never Ready before', async () => {
    world.host.doomed.add('broken');
    world.manifests.put('web', BROKEN);
    await world.startController();
    await world.settle(20_000);
    assert.deepEqual(
      [condition('Ready'), condition('RolledBack'), inForce()],
      ['False/BackOff', 'none', [1]],
    );
  });

  test('stays as it is when its manifest says so', async () => {
    await edited({}, { rollback: false });
    assert.deepEqual(
      [condition('Ready'), condition('RolledBack'), inForce()],
      ['False/BackOff', 'none', [2]],
    );
  });
});
