import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { afterEach, test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { useWorld } from './world.ts';

/** Moving in: what a host runs already goes on running, and is nspawnd's from its next start on. */
const world = useWorld();
const FOR_A_MINUTE = { timeoutMs: 60_000, describe: 'it to happen' };

afterEach(async () => {
  await world.sh(
    'sh',
    '-c',
    `systemctl stop 'systemd-nspawn@*' 'container@*' 2>/dev/null
     rm -rf /etc/systemd/nspawn/* /etc/systemd/system/container@* /etc/nixos-containers /etc/containers
     systemctl daemon-reload; systemctl reset-failed; true`,
  );
});

test('a container of systemd-nspawn@ is adopted as it runs, and handed over by a restart', async () => {
  await makeMachine('moved');
  await world.host.writeFile(
    '/etc/systemd/nspawn/moved.nspawn',
    '[Exec]\nPrivateUsers=no\nNotifyReady=yes\nEnvironment="GREETING=two words"\n[Files]\nTemporaryFileSystem=/scratch\n',
  );
  await world.sh('systemctl', 'enable', '--quiet', 'systemd-nspawn@moved');
  await world.sh('systemctl', 'start', 'systemd-nspawn@moved');
  const leader = await leaderOf('moved');

  const shown = await world.ctl('import', '--dry-run');
  assert.equal(shown.exitCode, 0, shown.stderr);
  assert.match(shown.stdout, /adopted-from: systemd-nspawn@moved\.service/);
  assert.deepEqual(await world.list(), [], 'nothing was written');

  const first = await world.ctl('import');
  assert.equal(first.exitCode, 0, first.stderr);
  assert.equal(first.stdout.trim(), '/etc/nspawnd/manifests/moved.yaml');
  assert.match(first.stderr, /take systemd-nspawn@moved\.service out of what starts at boot/);
  await world.until('moved', 'Ready', 'True', 'Adopted');
  await world.until('moved', 'RestartRequired', 'True', 'Adopted');
  assert.equal(await leaderOf('moved'), leader, 'the guest goes on');
  assert.equal(await world.exits('systemctl', 'is-enabled', '--quiet', 'systemd-nspawn@moved'), 1);
  assert.match(await world.sh('cat', '/etc/systemd/nspawn/moved.nspawn.nspawnd'), /counts no longer/);

  // Twice is once; and a new nspawnd adopts it again.
  const before = await world.sh('sh', '-c', 'stat -c "%i %Y" /etc/nspawnd/manifests/* /etc/systemd/nspawn/*');
  const second = await world.ctl('import');
  assert.deepEqual([second.exitCode, second.stdout], [0, ''], second.stderr);
  assert.equal(
    await world.sh('sh', '-c', 'stat -c "%i %Y" /etc/nspawnd/manifests/* /etc/systemd/nspawn/*'),
    before,
  );
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.until('moved', 'Ready', 'True', 'Adopted');
  assert.equal(await leaderOf('moved'), leader);

  const restarted = await world.ctl('restart', 'moved');
  assert.equal(restarted.exitCode, 0, `${restarted.stdout}${restarted.stderr}`);
  await world.until('moved', 'Ready', 'True', 'Ready');
  assert.notEqual(await leaderOf('moved'), leader);
  assert.equal(
    await world.sh('machinectl', 'show', '--value', '-p', 'Unit', 'moved'),
    'container@moved.service',
  );
  assert.equal(await world.condition('moved', 'RestartRequired'), undefined);
  const environment = await world.inGuest('moved', ['sh', '-c', "tr '\\0' '\\n' < /proc/1/environ"]);
  assert.ok(environment.split('\n').includes('GREETING=two words'), environment);
  await world.inGuest('moved', ['mountpoint', '-q', '/scratch']);
});

test('an adopted container that ends is started by nspawnd; one that is stopped by request stays down', async () => {
  for (const name of ['ends', 'stops']) {
    await makeMachine(name);
    await world.host.writeFile(
      `/etc/systemd/nspawn/${name}.nspawn`,
      '[Exec]\nPrivateUsers=no\n[Network]\nPrivate=no\n',
    );
    await world.sh('systemctl', 'enable', '--now', '--quiet', `systemd-nspawn@${name}`);
  }
  assert.equal((await world.ctl('import')).exitCode, 0);
  for (const name of ['ends', 'stops']) await world.until(name, 'Ready', 'True', 'Adopted');
  await world.sh('systemctl', 'kill', '--kill-whom=main', '-s', 'KILL', 'systemd-nspawn@ends');
  await world.until('ends', 'Ready', 'True', 'Ready');
  assert.equal(await world.unit('ends', 'ActiveState'), 'active');

  assert.equal((await world.ctl('stop', 'stops')).exitCode, 0);
  await world.until('stops', 'Ready', 'False', 'Stopped');
  assert.equal(await world.exits('systemctl', 'is-active', '--quiet', 'systemd-nspawn@stops'), 3);
  await world.ctl('start', 'stops');
  await world.until('stops', 'Ready', 'True', 'Ready');
});

test('a container of another definition of container@ is adopted as it runs, and handed over by a restart', async () => {
  await makeMachine('nixish');
  await makeTemplate();
  await world.host.writeFile('/etc/nixos-containers/nixish.conf', 'AUTO_START=1\n');
  await world.sh('systemctl', 'start', 'container@nixish');
  const leader = await leaderOf('nixish');
  // A manifest for the same tree, as it would be if a Nix system were in it.
  await world.host.writeManifest(
    'nixish.yaml',
    `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: { name: nixish, annotations: { nspawnd.io/adopted-from: container@nixish.service } }\nspec: { root: /var/lib/machines/nixish, readiness: started }\n`,
  );
  await world.until('nixish', 'Ready', 'True', 'Adopted');
  assert.equal(await leaderOf('nixish'), leader);
  assert.match(await world.unit('nixish', 'FragmentPath'), /container@\.service$/);
  const restarted = await world.ctl('restart', 'nixish');
  assert.equal(restarted.exitCode, 0, `${restarted.stdout}${restarted.stderr}`);
  await world.until('nixish', 'Ready', 'True', 'Ready');
  assert.equal(await world.unit('nixish', 'FragmentPath'), '/run/systemd/system/container@nixish.service');
  assert.notEqual(await leaderOf('nixish'), leader);
});

test('what somebody else runs is left alone without a word of it in the manifest', async () => {
  await makeMachine('theirs');
  await makeTemplate();
  await world.host.writeFile('/etc/nixos-containers/theirs.conf', 'AUTO_START=1\n');
  await world.sh('systemctl', 'start', 'container@theirs');
  const leader = await leaderOf('theirs');
  await world.drop('theirs', { root: '/var/lib/machines/theirs' });
  await world.until('theirs', 'Stalled', 'True', 'UnitShadowed');
  await world.remove('theirs');
  await world.untilGone('theirs');
  assert.equal(await leaderOf('theirs'), leader);
});

test('every setting that this systemd knows has a place or a reason', async () => {
  const binary = await readFile(world.host.path('/usr/bin/systemd-nspawn'), 'latin1');
  const { NSPAWN_KEYS } = await import('../../src/import/nspawn-keys.ts');
  const keys = new Set(binary.match(/(?:Exec|Files|Network)\.[A-Za-z0-9]+/g));
  assert.ok(keys.size > 60, `${keys.size} settings`);
  assert.deepEqual(
    [...keys].filter(key => NSPAWN_KEYS[key] === undefined),
    [],
  );
});

/** A tree of its own, without the time that a whole copy takes. */
async function makeMachine(name: string): Promise<void> {
  const tree = `/var/lib/machines/${name}`;
  await world.sh(
    'sh',
    '-ec',
    `[ -d ${tree} ] || cp -al /var/lib/machines/base ${tree}; rm -f ${tree}/etc/machine-id; touch ${tree}/etc/machine-id; mkdir -p /etc/systemd/nspawn /etc/nixos-containers`,
  );
}

/** As NixOS has it: one definition for all containers. */
async function makeTemplate(): Promise<void> {
  await world.host.writeFile(
    '/etc/systemd/system/container@.service',
    `[Service]
Type=notify
KillMode=mixed
Slice=machine.slice
Delegate=yes
EnvironmentFile=-/etc/nixos-containers/%i.conf
ExecStart=/usr/bin/systemd-nspawn --quiet --keep-unit --settings=no --boot --machine=%i --directory=/var/lib/machines/%i
`,
  );
  await world.sh('systemctl', 'daemon-reload');
}

async function leaderOf(name: string): Promise<string> {
  return eventually(() => world.leader(name), FOR_A_MINUTE);
}
