import assert from 'node:assert/strict';
import { sleeper } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Fault } from './fault.ts';
import { ownNetwork, standing, untilAccepted } from './scene.ts';

const MANIFESTS = '/etc/nspawnd/manifests';

export const readOnlyEtc: Fault = {
  name: 'read-only-etc',
  title:
    '/etc read-only: containers come and go nevertheless, the hosts file that cannot be written is told, and mended later',
  around: async (world, body) => {
    // Its own mount, so that it can be made read-only; what is in it stays the same.
    await world.sh('sh', '-ec', 'mount --bind /etc /etc');
    try {
      await body();
    } finally {
      await world.sh('umount', '-l', '/etc');
    }
  },
  run: async scene => {
    const { world } = scene;
    await world.drop('leaves', sleeper(ownNetwork(230)));
    await world.untilReady('leaves');
    await world.sh('mkdir', '-p', '/srv/made/usr', '/srv/made/etc');
    // One whose manifest is elsewhere can come while /etc cannot be written.
    await world.sh(
      'sh',
      '-ec',
      `mkdir -p ${MANIFESTS}/writable; mount -t tmpfs -o mode=0755 tmpfs ${MANIFESTS}/writable`,
    );
    await untilAccepted(world);
    await world.sh('mount', '-o', 'remount,bind,ro', '/etc');
    try {
      await world.host.writeManifest('writable/comes.yaml', text('comes', ownNetwork(231)));
      await world.untilReady('comes');
      assert.ok(await world.pings('10.231.231.2'));
      await eventually(
        async () =>
          /EROFS/.test(await world.sh('journalctl', '--no-pager', '-o', 'cat', '-u', 'nspawnd', '-n', '100')),
        { timeoutMs: 60_000, describe: 'the hosts file to be told of' },
      );
      const created = await world.ctl('create', 'refused', '--root', '/srv/made');
      assert.notEqual(created.exitCode, 0);
      assert.match(created.stderr, /EROFS|read-only/i);
      await scene.untouched();
    } finally {
      await world.sh('mount', '-o', 'remount,bind,rw', '/etc');
    }
    await eventually(async () => /comes\.containers/.test(await world.host.readFile('/etc/hosts')), {
      timeoutMs: 90_000,
      describe: 'the line of the newcomer',
    });
    await world.sh('rm', `${MANIFESTS}/writable/comes.yaml`);
    await world.untilGone('comes');
    await world.sh('sh', '-ec', `umount -l ${MANIFESTS}/writable; rmdir ${MANIFESTS}/writable`);
    await world.remove('leaves');
    await world.untilGone('leaves');
    return 'a launch and a create in it';
  },
};

export const manifestsGoAway: Fault = {
  name: 'manifests-mount',
  title:
    'the mount that the manifests are on goes away and comes back, again and again: nobody notices, but those who are told',
  around: async (world, body) => {
    await world.sh(
      'sh',
      '-ec',
      `mkdir -p /srv/manifests; chmod 755 /srv/manifests; mount --bind /srv/manifests ${MANIFESTS}`,
    );
    try {
      await body();
    } finally {
      await world.sh('sh', '-ec', `umount -l ${MANIFESTS}; rm -r /srv/manifests`);
    }
  },
  run: async scene => {
    const { world, size } = scene;
    const rounds = size === 'whole' ? 10 : 2;
    const before = await standing(world);
    for (let round = 0; round < rounds; round++) {
      await world.sh('umount', '-l', MANIFESTS);
      await world.until('lives-plain', 'PruneBlocked', 'True');
      if (round % 2 === 1) await world.sh('systemctl', 'restart', 'nspawnd');
      await world.until('lives-plain', 'PruneBlocked', 'True');
      assert.deepEqual(await standing(world), before);
      await world.sh('mount', '--bind', '/srv/manifests', MANIFESTS);
      await eventually(async () => (await world.condition('lives-plain', 'PruneBlocked')) === undefined, {
        timeoutMs: 60_000,
        describe: 'deletions to be free again',
      });
      await world.drop(`after-${round}`, sleeper());
      await world.untilReady(`after-${round}`);
      await world.remove(`after-${round}`);
      await world.untilGone(`after-${round}`);
    }
    return `${rounds} times`;
  },
};

function text(name: string, more: object): string {
  return `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: ${name} }\nspec: ${JSON.stringify(sleeper({ ...more }))}\n`;
}
