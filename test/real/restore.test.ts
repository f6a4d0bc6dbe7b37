import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { execa } from 'execa';
import { bootHost } from '../testbed/boot-host.ts';
import { inSmallTree, plantTree } from './small-tree.ts';
import { guest, suite, useWorld, worldOf } from './world.ts';

/** The README's "Backup and restore", done: from one host, which is gone then, to another. */
const world = useWorld();

const ADDRESS = '10.231.1.2';

test('what was backed up of one host runs on a new one, with its data, settings and addresses', async () => {
  const backup = await mkdtemp(join(tmpdir(), 'nspawnd-backup-'));
  try {
    await backUp(backup);
    await bring(backup, 'web');
    await execa('cp', ['-a', join(backup, 'nspawnd'), world.host.path('/etc')]);
    await world.untilReady('web');
    assert.equal(await world.inGuest('web', ['cat', '/root/data']), 'precious');
    assert.equal(await world.inGuest('web', ['stat', '-c', '%u:%g %a', '/root/data']), '1234:1234 640');
    assert.ok(await world.pings(ADDRESS));
    const late = await world.until('late', 'Stalled', 'True');
    assert.match(late.message, /\/srv\/late does not exist/);
    await bring(backup, 'late');
    await world.untilReady('late');
    await world.sh('systemctl', 'restart', 'nspawnd');
    await world.untilReady('web', 'late');
    assert.match(await world.host.readFile('/run/nspawnd/kubeconfig'), /127\.0\.0\.1:6443/);
  } finally {
    await rm(backup, { recursive: true });
    for (const name of ['web', 'late']) {
      await world.remove(name);
      await world.untilGone(name);
    }
    for (const path of ['/srv/web', '/srv/late', '/etc/nspawnd/nspawnd.yaml']) await world.host.rm(path);
  }
});

/** Two containers that run, saved as the README says, and a host that is no more. */
async function backUp(backup: string): Promise<void> {
  const host = await bootHost({ suite });
  try {
    const old = worldOf(() => host);
    await host.copyTree('/var/lib/machines/base', '/srv/web');
    await plantTree(old, '/srv/late');
    await old.drop(
      'web',
      guest({
        root: '/srv/web',
        volatile: 'no',
        privateNetwork: true,
        hostAddress: '10.231.1.1',
        localAddress: ADDRESS,
      }),
    );
    await old.drop('late', inSmallTree('/srv/late'));
    await old.untilReady('web', 'late');
    const write = 'echo precious >/root/data; chown 1234:1234 /root/data; chmod 640 /root/data';
    await old.inGuest('web', ['sh', '-c', write]);
    assert.equal((await old.ctl('stop', 'web')).exitCode, 0);
    await host.writeFile('/etc/nspawnd/nspawnd.yaml', 'listen: 127.0.0.1:6443\n');
    await execa('cp', [
      '-a',
      host.path('/srv/web'),
      host.path('/srv/late'),
      host.path('/etc/nspawnd'),
      backup,
    ]);
    assert.equal((await old.ctl('start', 'web')).exitCode, 0);
  } finally {
    await host.down();
  }
}

async function bring(backup: string, root: string): Promise<void> {
  await execa('cp', ['-a', join(backup, root), world.host.path('/srv')]);
}
