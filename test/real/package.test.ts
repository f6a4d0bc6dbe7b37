import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';

import { execa } from 'execa';

import { eventually } from '../testbed/eventually.ts';
import { ensurePackage } from '../testbed/installed.ts';
import { guest, useWorld } from './world.ts';

const world = useWorld({ install: false }, async ({ host }) => {
  await host.exec(['mkdir', '-p', '/root/packages']);
});

/** The package of this clone, or what it may be one day: of another version, with another renderer. */
async function bring(version: string, renderer: string | null = null): Promise<string> {
  const own = await ensurePackage();
  const target = `/root/packages/nspawnd_${version}_all.deb`;
  const work = `/root/packages/${version}`;
  await writeFile(world.host.path(join('/root/packages', basename(own))), await readFile(own));
  await world.sh('dpkg-deb', '-R', join('/root/packages', basename(own)), work);
  await world.sh('sed', '-i', `s/^Version: .*/Version: ${version}/`, `${work}/DEBIAN/control`);
  const bundle = `${work}/usr/lib/nspawnd/nspawnd.cjs`;
  if (renderer !== null) {
    assert.match(await world.host.readFile(bundle), /RENDERER ?= ?"\d+"/);
    await world.sh('sed', '-i', `s/RENDERER *= *"[0-9]*"/RENDERER = "${renderer}"/`, bundle);
  }
  await world.sh('dpkg-deb', '--root-owner-group', '-Znone', '-b', work, target);
  return target;
}

/** dpkg as apt runs it for somebody who is not asked; what it said. */
async function dpkg(...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await world.host.exec(
    ['dpkg', '--force-confold', '--force-unsafe-io', ...args],
    {
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: 300_000,
    },
  );
  return `${stdout}\n${stderr}`;
}

/** Which run of which guest it is. */
async function runOf(name: string): Promise<readonly string[]> {
  return [await world.leader(name), await world.invocation(name)];
}

/** What goes wrong says where in the story. */
async function chapter(title: string, tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (error) {
    throw new Error(`${title}: ${String(error)}`, { cause: error });
  }
}

const daemonPid = () => world.sh('systemctl', 'show', 'nspawnd', '-P', 'MainPID');
const state = async () =>
  (await world.host.exec(['systemctl', 'is-active', 'nspawnd'], { reject: false })).stdout;
const networked = guest({ privateNetwork: true, hostAddress: '10.231.1.1', localAddress: '10.231.1.2' });

describe('the package', () => {
  it('goes through installation, use, reboot, upgrade, removal and purge, and stops no container', async t => {
    await chapter('installed on a host without it, it runs, now and at boot', async () => {
      await world.sh('sh', '-c', '! command -v nspawnctl');
      await dpkg('--install', await bring('0.9.0'));
      assert.equal(await state(), 'active');
      assert.equal(await world.sh('systemctl', 'is-enabled', 'nspawnd'), 'enabled');
      assert.match(await world.sh('getent', 'group', 'nspawnd'), /^nspawnd:/);
      assert.equal(await world.sh('stat', '-c', '%a %U', '/var/lib/nspawnd'), '700 root');
      assert.equal(await world.sh('stat', '-c', '%a', '/run/nspawnd'), '755');
      assert.equal(await world.exits('test', '-e', '/run/nspawnd.installing'), 1);
      assert.equal(await world.exits('nspawnctl', 'doctor'), 0);
      await world.drop('web', networked);
      await world.untilReady('web');
      assert.ok(await world.pings('10.231.1.2'), 'the sandbox that the service has made is everybody’s');
    });

    await chapter('the service sees the mounts of the host, and may do little else', async () => {
      const pid = await daemonPid();
      assert.equal(
        await world.sh('readlink', `/proc/${pid}/ns/mnt`),
        await world.sh('readlink', '/proc/1/ns/mnt'),
      );
      const status = await world.host.readFile(`/proc/${pid}/status`);
      assert.match(status, /^Seccomp:\t2$/m);
      const bounding = BigInt(`0x${/^CapBnd:\t(\w+)$/m.exec(status)?.[1]}`);
      // CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_SYSLOG
      for (const capability of [16n, 17n, 25n, 34n])
        assert.equal((bounding >> capability) & 1n, 0n, `capability ${capability}`);
      const exposure = await world.sh('systemd-analyze', 'security', '--no-pager', 'nspawnd.service');
      const figure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(exposure)?.[1]);
      t.diagnostic(`exposure ${figure}`);
      assert.ok(figure < 7.5, exposure);
    });

    await chapter('a reboot brings the container up', async () => {
      await world.host.reboot();
      await eventually(state, { describe: 'nspawnd after the boot' });
      await world.untilReady('web');
    });

    const before = await runOf('web');
    await chapter('an upgrade that writes other units restarts nspawnd and no container', async () => {
      const pid = await daemonPid();
      await world.sh('sh', '-c', "printf 'readGroup: nspawnd\\n' >> /etc/nspawnd/nspawnd.yaml");
      await dpkg('--install', await bring('0.9.1', 'next'));
      assert.equal(await state(), 'active');
      assert.notEqual(await daemonPid(), pid);
      const condition = await world.until('web', 'RestartRequired', 'True');
      assert.equal(condition.reason, 'NewRenderer');
      assert.deepEqual(await runOf('web'), before);
      // The settings are the administrator's, and in force.
      assert.equal(await world.sh('stat', '-c', '%G', '/run/nspawnd/read.sock'), 'nspawnd');
    });

    await chapter(
      'an upgrade whose settings are refused leaves the old one running, and says why',
      async () => {
        const pid = await daemonPid();
        await world.sh('sh', '-c', "printf 'worker: 3\\n' >> /etc/nspawnd/nspawnd.yaml");
        const said = await dpkg('--install', await bring('0.9.2', 'next'));
        assert.match(said, /nspawnd\.yaml:\d+:1: worker: unknown setting; did you mean "workers"\?/);
        assert.match(said, /not restarted, because of its settings/);
        assert.equal(await daemonPid(), pid);

        // Restarted all the same, it says so in the journal, and is not tried for ever.
        await world.host.exec(['systemctl', 'restart', 'nspawnd'], { reject: false });
        await eventually(async () => (await state()) === 'failed', { describe: 'nspawnd to have failed' });
        assert.equal(await world.sh('systemctl', 'show', 'nspawnd', '-P', 'ExecMainStatus'), '78');
        const errors = await world.sh('journalctl', '-b', '-u', 'nspawnd', '-p', 'err', '-o', 'cat');
        assert.match(errors, /^nspawnd: \/etc\/nspawnd\/nspawnd\.yaml:\d+:1: worker: unknown setting/m);
        assert.deepEqual(await runOf('web'), before);

        // A package that is installed again when that is mended has it running again.
        await world.sh('sed', '-i', '/^worker:/d', '/etc/nspawnd/nspawnd.yaml');
        await dpkg('--install', '/root/packages/nspawnd_0.9.2_all.deb');
        assert.equal(await state(), 'active');
      },
    );

    await chapter('a service that was stopped by hand stays so, also through an upgrade', async () => {
      await world.sh('systemctl', 'stop', 'nspawnd');
      await dpkg('--install', await bring('0.9.3', 'next'));
      assert.equal(await state(), 'inactive');
      await world.sh('systemctl', 'start', 'nspawnd');
    });

    await chapter('removed, its containers go on; installed again, it takes them up', async () => {
      assert.match(await dpkg('--remove', 'nspawnd'), /these containers go on.*\n +web$/m);
      assert.equal(await world.exits('test', '-e', '/usr/sbin/nspawnd'), 1);
      assert.notEqual(await state(), 'active');
      assert.deepEqual(await runOf('web'), before);
      assert.ok(await world.pings('10.231.1.2'));
      await dpkg('--install', '/root/packages/nspawnd_0.9.3_all.deb');
      assert.equal(await state(), 'active');
      await world.until('web', 'RestartRequired', 'True', 'NewRenderer');
      assert.deepEqual(await runOf('web'), before);
    });

    await chapter('purged, it says what stays, and that stays', async () => {
      assert.match(await world.host.readFile('/etc/hosts'), /web\.containers/);
      const foreign = '192.0.2.7 printer';
      await world.sh('sh', '-c', `echo '${foreign}' >> /etc/hosts`);
      const said = await dpkg('--purge', 'nspawnd');
      assert.match(said, /roots of containers, wherever manifests say/);
      assert.match(said, /the manifests in \/etc\/nspawnd\/manifests/);
      assert.match(said, /the group nspawnd/);
      assert.equal(await world.exits('getent', 'group', 'nspawnd'), 0);
      assert.deepEqual(await runOf('web'), before);
      for (const gone of [
        '/var/lib/nspawnd',
        '/etc/nspawnd/nspawnd.yaml',
        '/usr/lib/nspawnd',
        '/usr/share/nspawnd',
      ])
        assert.equal(await world.exits('test', '-e', gone), 1, gone);
      for (const stays of ['/etc/nspawnd/manifests/web.yaml', '/var/lib/machines/base/usr/lib/os-release'])
        assert.equal(await world.exits('test', '-e', stays), 0, stays);
      const hosts = await world.host.readFile('/etc/hosts');
      assert.doesNotMatch(hosts, /nspawnd|web/);
      assert.match(hosts, /127\.0\.0\.1 localhost[\s\S]*192\.0\.2\.7 printer/);
    });

    await chapter('installed anew, the container that went on is its own again', async () => {
      await dpkg('--install', '/root/packages/nspawnd_0.9.0_all.deb');
      await world.untilReady('web');
      assert.equal((await runOf('web'))[0], before[0]);
    });
  });

  it('is the same bytes when it is made again', async () => {
    const own = await ensurePackage();
    const again = `${own}.again`;
    try {
      const script = new URL('../../deploy/package.mjs', import.meta.url).pathname;
      await execa(process.execPath, [script, again], { env: { SOURCE_DATE_EPOCH: '1767225600' } });
      assert.ok((await readFile(own)).equals(await readFile(again)));
    } finally {
      await execa('rm', ['-f', again]);
    }
  });
});
