import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { execa } from 'execa';

import { bootHost } from '../testbed/boot-host.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Host } from '../testbed/host.ts';
import { repository } from '../testbed/places.ts';
import { suite } from './world.ts';

const manifest = `
apiVersion: nspawnd.io/v1alpha1
kind: Container
metadata: { name: web }
spec: { root: /var/lib/machines/base, volatile: overlay }
`;

test('nspawnd is installed, upgraded and removed under a running container, which never notices', async () => {
  await using host = await bootHost({ suite, install: false });
  // As a user has them: a clone with dist/ built.
  await host.exec(['mkdir', '/root/nspawnd']);
  for (const part of ['deploy', 'dist'])
    await execa('cp', ['-r', join(repository, part), host.path('/root/nspawnd')]);
  assert.deepEqual(await leftovers(host), []);

  await host.exec(['/root/nspawnd/deploy/install.sh']);
  await host.exec(['systemctl', 'enable', '--now', 'nspawnd']);
  await host.writeManifest('web.yaml', manifest);
  const leader = await eventually(() => leaderOf(host, 'web'), {
    timeoutMs: 60_000,
    describe: 'the container',
  });

  const daemon = await mainPidOf(host);
  await host.exec(['/root/nspawnd/deploy/install.sh']);
  assert.notEqual(await mainPidOf(host), daemon);
  assert.equal((await host.exec(['systemctl', 'is-active', 'nspawnd'])).stdout, 'active');
  assert.equal(await leaderOf(host, 'web'), leader);

  await host.exec(['nspawnd', '--check-config']);
  await host.exec(['test', '-s', '/var/cache/nspawnd/program-code']);
  await host.exec(['/root/nspawnd/deploy/install.sh', '--uninstall']);
  await host.exec(['test', '!', '-e', '/var/cache/nspawnd']);
  assert.equal(
    (await host.exec(['systemctl', 'is-active', 'nspawnd'], { reject: false })).stdout,
    'inactive',
  );
  assert.equal(await leaderOf(host, 'web'), leader);
  assert.deepEqual(await leftovers(host), ['/etc/nspawnd/manifests/web.yaml']);
});

/** PID 1 of a running guest; empty when there is none. */
async function leaderOf(host: Host, machine: string): Promise<string> {
  const show = ['machinectl', 'show', machine, '--property=Leader', '--value'];
  return (await host.exec(show, { reject: false })).stdout;
}

async function mainPidOf(host: Host): Promise<string> {
  return (await host.exec(['systemctl', 'show', 'nspawnd', '--property=MainPID', '--value'])).stdout;
}

/** What of an installation is on the host. State in /var and /run is the daemon's and stays. */
async function leftovers(host: Host): Promise<readonly string[]> {
  const found = await host.exec([
    'find',
    ...['/usr', '/etc'],
    ...['(', '-ipath', '*nspawnd*', '-o', '-ipath', '*nspawnctl*', ')'],
    ...['!', '-type', 'd'],
  ]);
  return found.stdout.split('\n').filter(path => path !== '');
}
