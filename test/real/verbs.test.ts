import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import type { ExecResult } from '../testbed/host.ts';
import { plantTree } from './small-tree.ts';
import { guest, manifestText, sleeper, useWorld } from './world.ts';

/** What nixos-container's users type, on a whole host. `run` and the logins are in `terminal.test.ts`. */
const world = useWorld();
const CREATED = '/etc/nspawnd/manifests/created';
const KEY = `ssh-ed25519 ${'A'.repeat(68)}`;

/** A network that the host has: no container gets an address of it. */
async function joinLan(): Promise<void> {
  if ((await world.exits('ip', 'link', 'show', 'lan0')) === 0) return;
  await world.sh('ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1');
  await world.sh('ip', 'address', 'add', '10.233.1.77/24', 'dev', 'lan0');
  for (const link of ['lan0', 'lan1']) await world.sh('ip', 'link', 'set', link, 'up');
}

/** A root of its own that takes no time to make, with an init that does nothing. */
async function plant(name: string): Promise<string> {
  const root = `/var/lib/machines/${name}`;
  await plantTree(world, root);
  return root;
}

const exists = async (path: string) => (await world.exits('test', '-e', path)) === 0;
const files = async () =>
  (await world.sh('sh', '-c', `ls -A ${CREATED} 2>/dev/null; true`)).split('\n').filter(Boolean);

/**
 * nspawn itself hears nothing: no clean stop can work, and only SIGKILL ends it. (SIGSTOP would not do: systemd sends SIGCONT
 * after its SIGTERM.)
 */
async function freeze(name: string, isFrozen = true): Promise<void> {
  const group = `/sys/fs/cgroup/machine.slice/container@${name}.service/supervisor`;
  await world.sh('sh', '-c', `echo ${isFrozen ? 1 : 0} > ${group}/cgroup.freeze`);
}

/** Made as `create` makes it, but with a program instead of an init: quick to start. */
async function made(name: string, root: string): Promise<void> {
  await world.host.writeFile(
    `${CREATED}/${name}.yaml`,
    manifestText(name, { root, command: ['/usr/bin/sleep', 'infinity'] }),
  );
  await world.untilReady(name);
}

test('a container is created, started, looked at, terminated and destroyed', async () => {
  await joinLan();
  await world.host.copyTree('/var/lib/machines/base', '/var/lib/machines/web');
  const created = await world.ctl('create', 'web', '--root', '/var/lib/machines/web');
  assert.deepEqual([created.exitCode, created.stdout], [0, 'web'], created.stderr);
  assert.match(created.stderr, /created\/web\.yaml\naddress: 10\.233\.2\.2 \(the host is 10\.233\.2\.1\)/);
  assert.deepEqual(await files(), ['web.yaml']);
  assert.deepEqual(await status('web'), ['down', 1]);
  assert.equal(await world.sh('nspawnctl', 'list'), 'web');

  assert.equal(await world.exits('nspawnctl', 'start', 'web'), 0);
  assert.deepEqual(await status('web'), ['up', 0]);
  const address = await world.sh('nspawnctl', 'show-ip', 'web');
  assert.equal(address, '10.233.2.2');
  assert.ok(await world.pings(address));

  assert.equal(await world.exits('nspawnctl', 'terminate', 'web'), 0);
  assert.deepEqual(await status('web'), ['down', 1]);
  const ended = await world.host.readFile('/run/nspawnd/ended/web');
  assert.match(ended, /^requested=yes$/m);
  assert.match(ended, /^result=signal$/m);
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.until('web', 'Ready', 'False', 'Stopped');
  assert.equal(await world.exits('nspawnctl', 'start', 'web'), 0);

  const destroyed = await world.ctl('destroy', '--yes', 'web');
  assert.deepEqual([destroyed.exitCode, destroyed.stdout], [0, 'container/web destroyed'], destroyed.stderr);
  assert.deepEqual(await status('web'), ['gone', 66]);
  assert.deepEqual(await files(), []);
  assert.doesNotMatch(await world.sh('ls', '-A', '/var/lib/machines'), /web/);
  assert.equal(await world.unit('web', 'LoadState'), 'not-found');
});

test('terminate ends what does not want to go, also while it is being stopped', async () => {
  await world.drop('stuck', sleeper({ timeoutStopSec: 300 }));
  await world.untilReady('stuck');
  await freeze('stuck');
  const stopping = world.host.spawn(['nspawnctl', 'stop', 'stuck'], { reject: false });
  await eventually(async () => (await world.unit('stuck', 'ActiveState')) === 'deactivating', {
    timeoutMs: 60_000,
    describe: 'it to be stopping',
  });
  assert.equal(await world.exits('nspawnctl', 'terminate', '--timeout', '20s', 'stuck'), 0);
  assert.equal((await stopping).exitCode, 0);
  assert.deepEqual(await status('stuck'), ['down', 1]);
});

test('terminate ends a guest that is still booting, and it stays down', async () => {
  // Its init never says that it has booted.
  await world.drop(
    'boots',
    guest({ command: ['/bin/sleep', 'infinity'], readiness: 'fifo', timeoutStopSec: 300 }),
  );
  await eventually(async () => (await freeze('boots')) ?? true, {
    timeoutMs: 60_000,
    describe: 'nspawn to be there, and stand still',
  });
  const terminated = await world.ctl('terminate', '--timeout', '20s', 'boots');
  assert.equal(terminated.exitCode, 0, terminated.stderr);
  await world.until('boots', 'Ready', 'False', 'Stopped');
  assert.equal(await world.mainPid('boots'), 0);
  assert.equal((await world.get('boots'))?.status.restarts, 0);
});

test('twenty creates at once get twenty names and addresses; of one name there is one', async () => {
  await joinLan();
  // Twenty processes that start at once take their time on a busy machine.
  const parallel = async (command: string, times = 20) => {
    const script = `for i in $(seq ${times}); do (${command} --request-timeout 2min 2>/dev/null; echo $?) & done; wait`;
    return (await world.host.exec(['sh', '-c', script], { timeoutMs: 300_000 })).stdout;
  };
  const made = await parallel('nspawnctl create c$i --root /srv/c$i');
  assert.equal(made.match(/^0$/gm)?.length, 20, made);
  const names = (await world.sh('nspawnctl', 'list')).split('\n');
  assert.equal(names.length, 20);
  const texts = await world.sh('sh', '-c', `cat ${CREATED}/*.yaml`);
  for (const field of ['hostAddress', 'localAddress']) {
    const values = [...texts.matchAll(new RegExp(`^  ${field}: (.*)$`, 'gm'))].map(([, value]) => value);
    assert.equal(new Set(values).size, 20, field);
    assert.ok(values.every(value => value?.startsWith('10.233.') && !value.startsWith('10.233.1.')));
  }
  const same = await parallel('nspawnctl create same --root /srv/same');
  assert.deepEqual([same.match(/^0$/gm)?.length, same.match(/^78$/gm)?.length], [1, 19], same);
  const unique = await parallel('nspawnctl create many --ensure-unique-name --root /srv/many/$i', 5);
  assert.equal(new Set(unique.match(/^many-\d+$/gm)).size, 5, unique);
});

test('a create that cannot write leaves nothing behind', async () => {
  await world.sh('mkdir', '-p', CREATED);
  const create = () => world.ctl('create', 'web', '--root', '/srv/web');
  await world.sh('mount', '-t', 'tmpfs', '-o', 'size=4k,mode=755', 'tmpfs', CREATED);
  try {
    await world.sh('sh', '-c', `head -c 4096 /dev/zero > ${CREATED}/full`);
    const full = await create();
    assert.equal(full.exitCode, 78);
    assert.match(full.stderr, /cannot write .*ENOSPC/);
    assert.deepEqual(await files(), ['full']);
    await world.sh('mount', '-o', 'remount,ro', CREATED);
    const readOnly = await create();
    assert.equal(readOnly.exitCode, 78);
    assert.match(readOnly.stderr, /cannot write .*EROFS/);
  } finally {
    await world.sh('umount', '--lazy', CREATED);
  }
  assert.deepEqual(await status('web'), ['gone', 66]);
  assert.equal((await create()).exitCode, 0);
});

test('a create that is wrong says what is wrong, and by which exit code', async () => {
  await joinLan();
  const check = async (expected: number, says: RegExp, ...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = await world.ctl('create', ...args);
    assert.deepEqual([exitCode, stdout], [expected, ''], args.join(' '));
    assert.match(stderr, says);
  };
  await check(2, /debootstrap/, 'web');
  await check(2, /waits for the field hostBridge/, 'web', '--root', '/srv/web', '--bridge', 'br0');
  await check(2, /waits for the field forwardPorts/, 'web', '--root', '/srv/web', '--port', '80:80');
  await check(
    65,
    /spec\.localAddress: not an IPv4 address/,
    'web',
    '--root',
    '/srv/web',
    '--local-address',
    '10.1',
  );
  await check(
    65,
    /is an address of this host/,
    'web',
    '--root',
    '/srv/web',
    '--local-address',
    '10.233.1.77',
  );
  await check(65, /cannot be a guest's root/, 'web', '--root', '/etc');
  await check(65, /top-level domain/, 'dev', '--root', '/srv/web');
  await world.drop('taken', sleeper());
  await world.untilReady('taken');
  await check(78, /taken exists already: .*taken\.yaml/, 'taken', '--root', '/srv/taken');
  await check(65, /overlaps|is the root of/, 'inner', '--root', '/var/lib/machines/base/srv');
  assert.deepEqual(await files(), []);
});

test('destroy asks, and touches nothing it must not', async () => {
  const root = await plant('solo');
  const check = async (expected: number, says: RegExp, ...args: readonly string[]): Promise<ExecResult> => {
    const result = await world.ctl('destroy', ...args);
    assert.equal(result.exitCode, expected, result.stderr);
    assert.match(result.stderr, says);
    assert.ok(await exists(`${root}/usr/bin/sleep`));
    assert.equal(await world.unit('solo', 'ActiveState'), 'active');
    return result;
  };
  await made('solo', root);
  await world.drop('foreign', sleeper());
  await world.untilReady('foreign');
  const asked = await check(78, /no terminal to ask at\n.*nspawnctl destroy --yes solo/, 'solo');
  assert.match(
    asked.stderr,
    /solo: its manifest .*created\/solo\.yaml\n +its root \/var\/lib\/machines\/solo \(/,
  );
  await check(66, /no container "on"/, '--yes', 'solo', 'on');
  await check(78, /delete .*foreign\.yaml yourself/, '--yes', 'solo', 'foreign');
  await world.host.writeFile(
    `${CREATED}/two.yaml`,
    `${manifestText('two', sleeper())}---\n${manifestText('three', sleeper())}`,
  );
  await world.untilReady('two', 'three');
  await check(78, /two\.yaml declares more than two/, '--yes', 'two');
  assert.equal((await world.ctl('destroy', '--yes', 'foreign')).exitCode, 78);
  assert.equal(await world.unit('foreign', 'ActiveState'), 'active');

  await world.sh('mkdir', '-p', `${root}/mnt`, '/srv/precious');
  await world.host.writeFile('/srv/precious/file', 'kept');
  await world.sh('mount', '--bind', '/srv/precious', `${root}/mnt`);
  await check(78, /solo\/mnt is a mount point; run: umount/, '--yes', 'solo');
  await world.sh('umount', '--lazy', `${root}/mnt`);
  await world.sh('mount', '--bind', `${root}/usr`, '/mnt');
  await check(78, /is also mounted at \/mnt/, '--yes', 'solo');
  await world.sh('umount', '--lazy', '/mnt');

  await world.sh('ln', '-s', '/srv/precious', `${root}/link`);
  assert.equal((await world.ctl('destroy', '--yes', 'solo')).exitCode, 0);
  assert.ok(!(await exists(root)));
  assert.equal(await world.host.readFile('/srv/precious/file'), 'kept');
});

test('destroy leaves a root in which something runs, and deletes what NixOS made immutable', async () => {
  const root = await plant('squat');
  await made('squat', root);
  await world.sh('mkdir', '-p', `${root}/var/empty`, '/nix/var/nix/profiles/per-container/squat');
  await world.sh('mkdir', '-p', '/nix/var/nix/profiles/per-container/other');
  const isImmutable = (await world.exits('chattr', '+i', `${root}/var/empty`)) === 0;
  const squatter = world.host.spawn(['chroot', root, '/usr/bin/sleep', '1000'], {
    reject: false,
    stdin: 'ignore',
  });
  await eventually(async () => (await world.exits('pgrep', '-fx', '/usr/bin/sleep 1000')) === 0, {
    timeoutMs: 60_000,
    describe: 'somebody to be in it',
  });
  const refused = await world.ctl('destroy', '--yes', 'squat');
  assert.equal(refused.exitCode, 78, refused.stderr);
  assert.match(
    refused.stderr,
    /it is gone, but its root stays: process \d+ runs in .*\n.*rm -rf --one-file-system -- /,
  );
  assert.ok(await exists(`${root}/usr/bin/sleep`));
  squatter.kill();
  await squatter;

  await made('squat', root);
  const destroyed = await world.ctl('destroy', '--yes', 'squat');
  assert.equal(destroyed.exitCode, 0, `immutable: ${isImmutable}; ${destroyed.stderr}`);
  assert.equal(await world.sh('ls', '/nix/var/nix/profiles/per-container'), 'other');
  assert.doesNotMatch(await world.sh('ls', '-A', '/var/lib/machines'), /squat/);
});

test('destroy that is interrupted says what is left, and goes on when it is asked again', async () => {
  const root = await plant('halted');
  await made('halted', root);
  const destroy = (...more: readonly string[]) =>
    world.host.spawn(['nspawnctl', 'destroy', '--yes', ...more, 'halted'], { reject: false });
  try {
    await freeze('halted');
    const interrupted = destroy();
    await eventually(async () => (await world.unit('halted', 'ActiveState')) === 'deactivating', {
      timeoutMs: 60_000,
      describe: 'it to be stopping',
    });
    await world.sh('pkill', '-INT', '-f', 'nspawnctl(.mjs)? destroy');
    assert.match(
      String((await interrupted).stderr),
      /interrupted: the manifest of halted is deleted.*\n.*rm -rf --one-file-system -- \/var\/lib\/machines\/halted/,
    );
    const again = destroy();
    const impatient = await destroy('--timeout', '5s');
    assert.equal(impatient.exitCode, 124);
    assert.match(
      String(impatient.stderr),
      /still being stopped.*\n.*\n.*rm -rf --one-file-system -- .*halted/,
    );
    assert.ok(await exists(`${root}/usr/bin/sleep`));
    await freeze('halted', false);
    const { exitCode, stderr } = await again;
    assert.equal(exitCode, 0, String(stderr));
    assert.ok(!(await exists(root)));
  } finally {
    // What a failure left frozen would never end.
    await freeze('halted', false).catch(() => undefined);
  }
});

test('the host key of a guest is shown, and no link of the guest leads anywhere', async () => {
  const root = await plant('keyed');
  await world.sh('mkdir', '-p', `${root}/etc/ssh`, `${root}/run`);
  await world.host.writeFile(`${root}/etc/ssh/ssh_host_ed25519_key.pub`, `${KEY} root@keyed\u001b[2J\n`);
  await world.drop('keyed', { root, command: ['/usr/bin/sleep', 'infinity'] });
  await world.untilReady('keyed');
  const show = () => world.ctl('show-host-key', 'keyed');
  assert.deepEqual([(await show()).exitCode, (await show()).stdout], [0, KEY]);
  await world.sh('nspawnctl', 'stop', 'keyed');
  assert.equal((await show()).stdout, KEY);

  await world.host.mv(`${root}/etc/ssh`, `${root}/etc/was`);
  await world.host.writeFile('/root/hosts-own/ssh_host_ed25519_key.pub', `${KEY.replace('A', 'B')} host\n`);
  await world.sh('ln', '-s', '/root/hosts-own', `${root}/etc/ssh`);
  const linked = await show();
  assert.deepEqual([linked.exitCode, linked.stdout], [1, '']);
  await world.host.rm(`${root}/etc/ssh`);
  await world.sh('mkdir', `${root}/etc/ssh`);
  await world.sh('mkfifo', `${root}/etc/ssh/ssh_host_ed25519_key.pub`);
  assert.equal((await show()).exitCode, 1);
  const unprivileged = ['setpriv', '--reuid=65534', '--clear-groups', 'nspawnctl', 'show-host-key', 'keyed'];
  assert.equal(await world.exits(...unprivileged), 77);
  await world.remove('keyed');
  await world.untilGone('keyed');
  await world.host.rm(root);
});

test('a container of systemd guests’ kind is destroyed while it boots', async () => {
  await world.host.writeFile(`${CREATED}/boots.yaml`, manifestText('boots', guest()));
  await eventually(async () => (await world.get('boots'))?.status.phase === 'Starting', {
    timeoutMs: 60_000,
    describe: 'it to boot',
  });
  assert.equal(await world.exits('nspawnctl', 'destroy', '--yes', '--keep-root', 'boots'), 0);
  assert.equal(await world.unit('boots', 'LoadState'), 'not-found');
  assert.ok(await exists('/var/lib/machines/base/etc'));
});

async function status(name: string): Promise<[string, number]> {
  const { stdout, exitCode } = await world.ctl('status', name);
  return [stdout, exitCode];
}
