import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { findCondition } from '../../src/api/condition.ts';
import type { JsonObject } from '../../src/api/manifest.ts';
import { World } from './world.ts';

const EXEC = { exec: { command: ['/bin/true'] }, failureThreshold: 1 };

describe('the controller and the probes of a guest', () => {
  let world = new World();
  afterEach(() => {
    world.killController();
    world = new World();
  });

  async function started(spec: JsonObject): Promise<void> {
    world.manifests.put('web', spec);
    await world.startController();
    await world.settle();
  }
  const ready = () => {
    const condition = findCondition(world.controller.get('web')?.status.conditions ?? [], 'Ready');
    return `${condition?.status}/${condition?.reason}`;
  };
  const run = () => world.host.unit('web').invocationId;
  const events = (reason: string) =>
    world.controller.describe('web')?.events.find(event => event.reason === reason)?.count ?? 0;

  test('it is Ready when they are good, not when they are not, and nothing is restarted for that', async () => {
    await started({ readinessProbe: EXEC });
    assert.equal(ready(), 'True/Ready');
    const first = run();
    world.host.probes.turn('web', ['readiness']);
    await world.settle();
    assert.equal(ready(), 'False/ReadinessProbeFailed');
    assert.equal(events('Unhealthy'), 1);
    world.host.probes.turn('web', []);
    await world.settle();
    assert.equal(ready(), 'True/Ready');
    assert.equal(run(), first);
  });

  test('one that no longer lives is restarted, and that counts', async () => {
    await started({ livenessProbe: EXEC });
    const first = run();
    world.host.probes.turn('web', ['liveness']);
    world.host.progress(0);
    world.host.probes.bad.clear();
    await world.look();
    await world.settle();
    assert.equal(ready(), 'False/BackOff');
    await world.pass(2000);
    await world.settle();
    assert.equal(ready(), 'True/Ready');
    assert.notEqual(run(), first);
    assert.equal(world.controller.get('web')?.status.restarts, 1);
    assert.equal(events('Failed'), 1);
  });

  test('one that never starts is given up each time, ever later', async () => {
    world.host.probes.bad.set('web', new Set(['startup']));
    world.manifests.put('web', { startupProbe: EXEC, restartPolicy: 'Never' });
    await world.startController();
    await world.settle();
    assert.equal(ready(), 'False/Failed');
    assert.equal(world.host.unit('web').run, undefined);
  });

  test('a killed nspawnd finds what the one before it had found, and asks on', async () => {
    await started({ startupProbe: EXEC, readinessProbe: EXEC });
    assert.equal(ready(), 'True/Ready');
    const first = run();
    // Were it asked anew, it would not be good.
    world.host.probes.bad.set('web', new Set(['startup']));
    world.killController();
    await world.startController();
    assert.equal(ready(), 'True/Ready');
    assert.equal(events('Ready'), 1);
    await world.settle();
    assert.equal(ready(), 'True/Ready');
    world.host.probes.turn('web', ['readiness']);
    await world.settle();
    assert.equal(ready(), 'False/ReadinessProbeFailed');
    assert.equal(run(), first);
  });

  test('what a running guest is asked changes with its manifest, and no startup probe ends it', async () => {
    await started({});
    const first = run();
    world.host.probes.bad.set('web', new Set(['startup']));
    world.manifests.put('web', { startupProbe: EXEC, readinessProbe: EXEC });
    await world.settle();
    assert.equal(ready(), 'True/Ready');
    assert.equal(run(), first);
    world.manifests.put('web', {});
    await world.settle();
    assert.equal(world.host.probes.observe('web').asked, '');
    assert.equal(run(), first);
  });

  test('wherever nspawnd is killed, one that was edited is not ended by its new startup probe', async () => {
    for (let killAt = 0; killAt < 12; killAt++) {
      world = new World();
      await started({});
      const first = run();
      world.host.probes.bad.set('web', new Set(['startup']));
      world.port.killAt = world.port.points + killAt;
      world.manifests.put('web', { startupProbe: EXEC });
      await world.settle();
      await world.restartController();
      assert.equal(ready(), 'True/Ready', `killed at ${killAt}`);
      assert.equal(run(), first, `killed at ${killAt}`);
      world.killController();
    }
  });
});
