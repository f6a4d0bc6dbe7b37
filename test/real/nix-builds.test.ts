import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { nixGuest, PROFILES, plantNix, stateOf, untilSays } from './nix-world.ts';
import { useWorld } from './world.ts';

/** Guests whose system the host's Nix builds: from a configuration, or from a flake. */
const world = useWorld({ with: 'nix' }, plantNix);

const BUILD_TIMEOUT_MS = 90_000;
const unitOf = (name: string) => `nspawnd-build@${name}.service`;
const systemOf = (name: string) => world.sh('readlink', '-f', `${PROFILES}/${name}/system`);
const config = (version: string, beforeBuild = 'true') =>
  `{ ... }: { version = "${version}"; before = ''${beforeBuild}''; }`;

test('an inline configuration is built as a container of its name, and an edit is built and switched to', async () => {
  await world.drop('inline', nixGuest({ config: config('one') }));
  await world.until('inline', 'Ready', 'True', 'Ready', BUILD_TIMEOUT_MS);
  assert.equal(await world.sh('cat', `${await systemOf('inline')}/facts`), 'inline true false');
  const run = await world.invocation('inline');
  await world.drop('inline', nixGuest({ config: config('two') }));
  await untilSays(world, `${stateOf('inline')}/switched`, 'test two');
  assert.equal(await world.invocation('inline'), run);
  // A touched or re-ordered manifest, another nspawnd, another field: nothing is built twice.
  const builds = () =>
    world.sh('sh', '-c', `journalctl -u '${unitOf('inline')}' -o cat | grep -c '^Starting' || true`);
  const before = await builds();
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.drop('inline', nixGuest({ timeoutStopSec: 5, config: config('two') }));
  await world.until('inline', 'RootReady', 'True', 'Found');
  assert.equal(await builds(), before);
  const diff = await world.host.exec(['nspawnctl', 'diff', '-'], {
    input: `apiVersion: nspawnd.io/v1alpha1\nkind: Container\nmetadata: {name: inline}\nspec: ${JSON.stringify(nixGuest({ config: config('three') }))}\n`,
    reject: false,
  });
  assert.match(diff.stdout, /spec\.config +reload/);
});

test('a file is built when it changes, and nspawnctl update builds what it imports', async () => {
  await world.host.writeFile('/srv/conf/version.nix', '"imported"\n');
  await world.host.writeFile('/srv/conf/web it.nix', '{ ... }: { version = import ./version.nix; }\n');
  await world.drop('file', nixGuest({ config: '/srv/conf/web it.nix' }));
  await world.until('file', 'Ready', 'True', 'Ready', BUILD_TIMEOUT_MS);
  await untilSays(world, `${stateOf('file')}/booted`, 'imported');
  await world.host.writeFile('/srv/conf/version.nix', '"moved"\n');
  const updated = await world.ctl('update', 'file');
  assert.equal(updated.exitCode, 0, updated.stderr);
  assert.match(updated.stdout, /generation 2, \/nix\/store\/\S+-system-moved/);
  assert.match(updated.stderr, /Nix builds its system/);
  await untilSays(world, `${stateOf('file')}/switched`, 'test moved');
  await world.host.writeFile('/srv/conf/web it.nix', '{ ... }: { version = "edited"; }\n');
  await untilSays(world, `${stateOf('file')}/switched`, 'test moved\ntest edited');
});

test('a flake is built by its attribute, which is the name where none is given', async () => {
  await world.drop('flaky', nixGuest({ flake: 'path:/srv/flake' }));
  await world.drop('named', nixGuest({ flake: 'path:/srv/flake#other' }));
  await world.drop('nowhere', nixGuest({ flake: 'path:/srv/flake#nothing' }));
  for (const name of ['flaky', 'named']) await world.until(name, 'Ready', 'True', 'Ready', BUILD_TIMEOUT_MS);
  await untilSays(world, `${stateOf('flaky')}/booted`, 'flake');
  await untilSays(world, `${stateOf('named')}/booted`, 'other');
  const failed = await world.until('nowhere', 'Stalled', 'True', 'BuildFailed', BUILD_TIMEOUT_MS);
  assert.match(failed.message, /nothing/);
  // Another attribute of the same flake is another system.
  await world.drop('named', nixGuest({ flake: 'path:/srv/flake#flaky' }));
  await untilSays(world, `${stateOf('named')}/switched`, 'test flake');
});

test('a build that fails says why with the end of its log, is not repeated, and leaves what runs alone', async () => {
  await world.drop('fails', nixGuest({ config: config('good') }));
  await world.until('fails', 'Ready', 'True', 'Ready', BUILD_TIMEOUT_MS);
  const [run, system] = [await world.invocation('fails'), await systemOf('fails')];
  await world.drop('fails', nixGuest({ config: config('bad', 'echo the cellar is flooded >&2; exit 3') }));
  const failed = await world.until('fails', 'RootReady', 'False', 'BuildFailed', BUILD_TIMEOUT_MS);
  assert.match(failed.message, /exited with status \d+ \(\/var\/lib\/nspawnd\/nix\/fails\/build\.log\)/);
  assert.match(failed.message, /the cellar is flooded/);
  assert.equal((await world.untilEvent('fails', 'BuildFailed', /cellar/)).type, 'Warning');
  assert.match(await world.host.readFile('/var/lib/nspawnd/nix/fails/build.log'), /the cellar is flooded/);
  const endedAt = await world.sh('stat', '-c', '%Y', '/var/lib/nspawnd/nix/fails/result');
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.until('fails', 'RootReady', 'False', 'BuildFailed');
  assert.equal(await world.sh('stat', '-c', '%Y', '/var/lib/nspawnd/nix/fails/result'), endedAt);
  assert.deepEqual([await world.invocation('fails'), await systemOf('fails')], [run, system]);
  const updated = await world.ctl('update', 'fails');
  assert.equal(updated.exitCode, 1);
  assert.match(updated.stderr, /BuildFailed: .*[\s\S]*the cellar is flooded/);
});

test('a slow build shows how far it is, delays nobody, and goes on while nspawnd is restarted', async () => {
  await world.drop('slow', nixGuest({ config: config('slow', 'echo digging >&2; sleep 30') }));
  await eventually(async () => /digging/.test((await world.get('slow'))?.status.waitingFor ?? ''), {
    timeoutMs: BUILD_TIMEOUT_MS,
    describe: 'the log of the build to be shown',
  });
  const pid = await world.sh('systemctl', 'show', '-P', 'MainPID', unitOf('slow'));
  await world.sh('systemctl', 'kill', '-s', 'KILL', '--kill-whom=main', 'nspawnd');
  await world.sh('systemctl', 'start', 'nspawnd');
  assert.equal(
    await world.sh('systemctl', 'show', '-P', 'MainPID', unitOf('slow')),
    pid,
    'it is the same build',
  );
  await world.drop('quick', {
    root: '/var/lib/machines/base',
    volatile: 'overlay',
    command: ['/bin/sleep', 'inf'],
  });
  await world.untilReady('quick');
  await world.until('slow', 'Ready', 'True', 'Ready', BUILD_TIMEOUT_MS);
});

test('a build that is killed is built again after a while', async () => {
  const once = 'if ! [ -e /srv/killed ]; then touch /srv/killed; sleep 1000; fi';
  await world.drop('killed', nixGuest({ config: config('killed', once) }));
  await eventually(() => world.exits('test', '-e', '/srv/killed').then(code => code === 0), {
    timeoutMs: BUILD_TIMEOUT_MS,
    describe: 'the build to have begun',
  });
  await world.sh('systemctl', 'kill', '--kill-whom=main', '-s', 'KILL', unitOf('killed'));
  const waits = await world.until('killed', 'Reconciling', 'True', 'BuildBackOff');
  assert.match(waits.message, /next try at 20.*was ended by signal KILL/);
  await eventually(async () => (await world.exits('pgrep', '-f', 'sleep 1000')) === 1, {
    timeoutMs: 10_000,
    describe: 'nothing of it to be left',
  });
  const updated = await world.ctl('update', 'killed');
  assert.equal(updated.exitCode, 0, updated.stderr);
  await world.untilReady('killed');
});

test('a disk that is full during a build is waited for, and so is one that has no room for its result', async () => {
  await world.sh('mkdir', '-p', '/srv/small');
  await world.sh('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/srv/small');
  await world.drop(
    'full',
    nixGuest({ config: config('full', 'dd if=/dev/zero of=/srv/small/x bs=128k count=1') }),
  );
  const waits = await world.until('full', 'Reconciling', 'True', 'BuildBackOff', BUILD_TIMEOUT_MS);
  assert.match(waits.message, /No space left on device/);
  await world.sh('mount', '-o', 'remount,size=1m', '/srv/small');
  assert.equal((await world.ctl('update', 'full')).exitCode, 0);
  await world.untilReady('full');

  await world.sh('mkdir', '-p', '/var/lib/nspawnd/nix/narrow');
  await world.sh('mount', '-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', '/var/lib/nspawnd/nix/narrow');
  const fill = 'cat /dev/zero > /var/lib/nspawnd/nix/narrow/filler || true';
  await world.drop('narrow', nixGuest({ config: config('narrow', fill) }));
  const narrow = await world.until('narrow', 'Reconciling', 'True', 'BuildBackOff', BUILD_TIMEOUT_MS);
  assert.match(narrow.message, /could not record how/);
  await world.sh('rm', '/var/lib/nspawnd/nix/narrow/filler');
  await world.sh('umount', '--lazy', '/var/lib/nspawnd/nix/narrow');
});
