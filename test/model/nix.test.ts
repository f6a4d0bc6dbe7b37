import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { findCondition } from '../../src/api/condition.ts';
import { World } from './world.ts';

/** The real controller on guests whose system is made by Nix. */
const A = '/nix/store/a-system';
const B = '/nix/store/b-system';
const C = '/nix/store/c-system';
const PROVEN_AFTER_MS = 10_000;
const FLAKE = { flake: '/etc/nixos' };

describe('a guest made by Nix', () => {
  let world = new World();
  afterEach(() => {
    const last = world;
    world = new World();
    last.endAtRest();
  });

  async function started(spec: object): Promise<string> {
    world.manifests.put('web', { ...spec });
    await world.startController();
    await world.settle();
    return world.host.unit('web').invocationId ?? '';
  }

  async function edited(spec: object): Promise<void> {
    world.manifests.put('web', { ...spec });
    await world.settle();
  }

  const condition = (type: 'Ready' | 'RestartRequired' | 'RootReady' | 'Stalled') => {
    const found = findCondition(world.controller.get('web')?.status.conditions ?? [], type);
    return found === undefined ? 'none' : `${found.status}/${found.reason}`;
  };
  const nix = () => world.controller.get('web')?.status.nix;
  const rollout = () => world.controller.get('web')?.status.rollout?.state;
  const events = () => world.controller.describe('web')?.events.map(event => event.reason) ?? [];

  test('from a path boots its closure', async () => {
    await started({ path: A });
    assert.equal(condition('Ready'), 'True/Ready');
    assert.deepEqual(nix(), { closure: A, generation: 1, runningClosure: A });
  });
  test('whose path leads elsewhere is switched and not restarted', async () => {
    const run = await started({ path: '/srv/web' });
    world.host.nix.paths.set('/srv/web', B);
    await world.settle();
    assert.equal(world.host.unit('web').invocationId, run);
    assert.equal(nix()?.runningClosure, B);
    assert.equal(nix()?.generation, 2);
    assert.ok(events().includes('Reloaded'), events().join());
  });
  test('whose path flips twice before anybody looks is switched once, to the last', async () => {
    await started({ path: '/srv/web' });
    world.host.nix.paths.set('/srv/web', A);
    world.host.nix.paths.set('/srv/web', B);
    await world.settle();
    assert.deepEqual(world.host.nix.profiles.get('web')?.generations, ['/srv/web', B]);
    assert.equal(world.port.trace.filter(line => line === 'web: startSwitch').length, 1);
  });
  test('whose switch ends when it is gone leaves nothing', async () => {
    await started({ path: A });
    await edited({ path: B });
    const record = world.host.nix.switched.get('web');
    assert.ok(record !== undefined);
    world.manifests.remove('web');
    await world.settle();
    world.host.nix.switched.set('web', record);
    await world.look();
    await world.settle();
    assert.deepEqual([...world.host.nix.switched], []);
  });
  test('keeps what it booted and what it was switched to, whatever its profile leads to, and nothing when it is gone', async () => {
    await started({ path: A });
    await edited({ path: B });
    await edited({ path: C, update: 'none' });
    const kept = () => world.host.nix.kept.get('web');
    assert.deepEqual(kept(), [A, B, C]);
    await world.restartController();
    assert.deepEqual(kept(), [A, B, C]);
    await world.controller.request('web', 'restart');
    await world.settle();
    assert.deepEqual(kept(), [C]);
    world.manifests.remove('web');
    await world.settle();
    assert.equal(kept(), undefined);
  });
  test('with update: restart is restarted', async () => {
    const run = await started({ path: A, update: 'restart' });
    await edited({ path: B, update: 'restart' });
    assert.notEqual(world.host.unit('web').invocationId, run);
    assert.equal(nix()?.runningClosure, B);
  });
  for (const left of [{ update: 'none' }, { update: 'restart', restartIfChanged: false }]) {
    test(`with ${JSON.stringify(left)} is left alone, and that is said`, async () => {
      const run = await started({ path: A, ...left });
      await edited({ path: B, ...left });
      assert.equal(world.host.unit('web').invocationId, run);
      assert.equal(condition('RestartRequired'), 'True/NewSystem');
      await world.controller.request('web', 'restart');
      await world.settle();
      assert.equal(condition('RestartRequired'), 'none');
      assert.equal(nix()?.runningClosure, B);
    });
  }
  test('that cannot be switched is told so once, and tried again when asked', async () => {
    await started({ path: A });
    world.host.nix.stubborn.add('web');
    await edited({ path: B });
    assert.equal(condition('RestartRequired'), 'True/SwitchFailed');
    assert.equal(world.port.trace.filter(line => line === 'web: startSwitch').length, 1);
    world.host.nix.stubborn.delete('web');
    await world.controller.update('web', { mode: 'build' });
    await world.settle();
    assert.equal(condition('RestartRequired'), 'none');
    assert.equal(nix()?.runningClosure, B);
  });
  test('whose path is gone goes on, and says so', async () => {
    const run = await started({ path: '/srv/web' });
    world.host.nix.paths.set('/srv/web', null);
    await world.settle();
    assert.equal(world.host.unit('web').invocationId, run);
    assert.equal(condition('RootReady'), 'False/ClosureMissing');
    assert.equal(condition('Stalled'), 'True/ClosureMissing');
    world.host.guestReboots('web');
    await world.settle();
    assert.equal(condition('Ready'), 'True/Ready', 'its generation is still there');
  });
  test('from nothing that exists waits for it', async () => {
    world.host.nix.paths.set('/srv/web', null);
    await started({ path: '/srv/web' });
    assert.equal(condition('Ready'), 'False/ClosureMissing');
    world.host.nix.paths.set('/srv/web', A);
    await world.settle();
    assert.equal(condition('Ready'), 'True/Ready');
  });
  test('without Nix on the host waits for it', async () => {
    world.host.nix.isInstalled = false;
    await started(FLAKE);
    assert.equal(condition('RootReady'), 'False/NixMissing');
    world.host.nix.isInstalled = true;
    await world.settle();
    assert.equal(condition('Ready'), 'True/Ready');
  });

  describe('from a flake or a configuration', () => {
    test('is built once, and not again by another nspawnd', async () => {
      await started(FLAKE);
      assert.equal(condition('Ready'), 'True/Ready');
      await world.restartController();
      await edited({ ...FLAKE, timeoutStopSec: 5 });
      assert.equal(
        world.ports.flatMap(port => port.trace).filter(line => line === 'web: startBuild').length,
        1,
      );
    });
    test('runs on while its next system is built, and then is switched', async () => {
      const run = await started(FLAKE);
      const before = nix()?.closure;
      await world.settle(PROVEN_AFTER_MS);
      assert.equal(rollout(), 'Complete');
      world.manifests.put('web', { config: '{ }' });
      await world.work();
      assert.equal(condition('Ready'), 'True/Ready');
      assert.match(world.controller.get('web')?.status.waitingFor ?? '', /^Nix builds its system/);
      assert.equal(rollout(), 'Progressing');
      await world.settle(PROVEN_AFTER_MS);
      assert.equal(rollout(), 'Complete');
      assert.equal(world.host.unit('web').invocationId, run);
      assert.notEqual(nix()?.runningClosure, before);
      assert.equal(nix()?.runningClosure, nix()?.closure);
    });
    test('that does not build any more keeps its generation, and is not built again until something changes', async () => {
      await started(FLAKE);
      const before = nix()?.closure;
      world.host.nix.buildFailure = { cause: 'exited with status 1', isPassing: false };
      await edited({ config: '{ broken }' });
      await world.settle(1_000_000);
      assert.equal(rollout(), 'Progressing');
      assert.equal(nix()?.closure, before);
      assert.equal(condition('Ready'), 'True/Ready');
      assert.equal(condition('RootReady'), 'False/BuildFailed');
      assert.equal(world.port.trace.filter(line => line === 'web: startBuild').length, 2);
      assert.ok(events().includes('BuildFailed'));
      world.host.nix.buildFailure = null;
      await edited({ config: '{ mended }' });
      assert.equal(condition('RootReady'), 'True/Found');
      assert.notEqual(nix()?.closure, before);
    });
    test('whose build was killed is built again after a while', async () => {
      world.host.nix.buildFailure = { cause: 'was ended by signal KILL', isPassing: true };
      await started(FLAKE);
      assert.equal(condition('Ready'), 'False/BuildBackOff');
      world.host.nix.buildFailure = null;
      await world.settle(40_000);
      assert.equal(condition('Ready'), 'True/Ready');
    });
    test('whose text changes while it is built ends with the newest', async () => {
      await started(FLAKE);
      world.manifests.put('web', { config: '{ one }' });
      await world.work();
      world.manifests.put('web', { config: '{ two }' });
      await world.settle();
      assert.equal(world.host.nix.profiles.get('web')?.generations.length, 2);
      assert.equal(nix()?.runningClosure, nix()?.closure);
    });
    test('is built anew when asked, also while nothing changed', async () => {
      await started(FLAKE);
      const answer = await world.controller.update('web', { mode: 'build' });
      await world.settle();
      assert.equal(world.port.trace.filter(line => line === 'web: startBuild').length, 2);
      assert.ok(answer?.isAccepted && nix()?.updateRequestedAt === answer.requestedAt);
    });
    test('is not restarted into a system that does not build', async () => {
      const run = await started({});
      world.host.nix.buildFailure = { cause: 'exited with status 1', isPassing: false };
      await edited({ config: '{ broken }' });
      assert.equal(world.host.unit('web').invocationId, run);
      assert.equal(condition('Ready'), 'True/Ready');
      assert.equal(condition('Stalled'), 'True/BuildFailed');
      world.host.nix.buildFailure = null;
      await edited({ config: '{ mended }' });
      assert.equal(nix()?.runningClosure, nix()?.closure);
    });
  });

  describe('that is rolled back', () => {
    test('runs its earlier system, and stays there', async () => {
      const run = await started({ path: A });
      await edited({ path: B });
      assert.ok((await world.controller.update('web', { mode: 'rollback', to: null }))?.isAccepted);
      await world.settle();
      assert.equal(nix()?.runningClosure, A);
      assert.equal(world.host.unit('web').invocationId, run);
      await world.restartController();
      await world.settle(1_000_000);
      assert.equal(nix()?.runningClosure, A);
      assert.deepEqual(
        (await world.controller.generations('web'))?.map(({ isCurrent }) => isCurrent),
        [true, false],
      );
    });
    test('to what it never had is refused', async () => {
      await started({ path: A });
      const refused = (to: number | null) => world.controller.update('web', { mode: 'rollback', to });
      assert.deepEqual(await refused(7), {
        isAccepted: false,
        because: 'web has no generation 7; there are: 1',
      });
      assert.equal((await refused(null))?.isAccepted, false);
    });
  });

  test('that becomes a plain tree leaves no builds behind, and keeps its generations', async () => {
    await started(FLAKE);
    await edited({});
    assert.ok(!world.host.nix.hasLeftovers('web'));
    assert.equal(world.host.nix.profiles.get('web')?.generations.length, 1);
    assert.equal(nix(), undefined);
  });
  test('that is deleted while it is built leaves its generations and nothing else', async () => {
    await started(FLAKE);
    world.manifests.put('web', { config: '{ }' });
    await world.work();
    world.manifests.remove('web');
    await world.settle();
    assert.equal(world.print(), '');
    assert.equal(world.host.nix.profiles.get('web')?.generations.length, 1);
  });
});
