import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guest, useWorld } from './world.ts';

const world = useWorld();

test('a dropped manifest becomes a running, named, registered container, and a deleted one leaves nothing', async () => {
  await world.drop(
    'web',
    guest({ privateNetwork: true, hostAddress: '10.231.136.1', localAddress: '10.231.136.2' }),
  );
  await world.untilReady('web');
  assert.match(await world.sh('machinectl', 'list'), /^web /m);
  assert.equal(await world.unit('web', 'ActiveState'), 'active');
  assert.ok(await world.pings('10.231.136.2'));
  assert.ok(await world.pings('web.containers'));

  await world.remove('web');
  await world.untilGone('web');
  assert.doesNotMatch(await world.sh('machinectl', 'list'), /^web /m);
  assert.equal(await world.unit('web', 'LoadState'), 'not-found');
  assert.doesNotMatch(await world.host.readFile('/etc/hosts'), /web/);
});
