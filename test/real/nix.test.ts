import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { buildSystem, link, nixGuest, PROFILES, plantNix, stateOf, untilSays } from './nix-world.ts';
import { useWorld } from './world.ts';

/** Guests whose system is made by Nix, from a path: real store paths and profiles, by the Nix of Debian. */
const world = useWorld({ with: 'nix' }, plantNix);

/** Runs a command of the guest's own system in it. */
async function inSystem(name: string, ...command: readonly string[]): Promise<string> {
  const closure = await world.sh('readlink', '-f', `${PROFILES}/${name}/system`);
  return world.amongGuest(name, [`${closure}/bin/busybox`, ...command]);
}

test('a closure boots in a root of its own, with the store, a profile and roots for the garbage collector', async () => {
  const closure = await buildSystem(world, 'boots');
  await link(world, closure, '/srv/boots');
  await world.drop(
    'boots',
    nixGuest({
      path: '/srv/boots',
      privateNetwork: true,
      hostAddress: '10.231.136.1',
      localAddress: '10.231.136.2',
    }),
  );
  await world.untilReady('boots');
  assert.equal(await world.host.readFile(`${stateOf('boots')}/booted`), 'boots\n');
  assert.equal(await world.sh('readlink', `${PROFILES}/boots/system-1-link`), closure);
  assert.ok(await world.pings('10.231.136.2'));
  assert.equal((await world.condition('boots', 'RootReady'))?.status, 'True');
  const modes = await world.sh(
    'stat',
    '-c',
    '%a',
    `${PROFILES}/boots`,
    '/nix/var/nix/gcroots/per-container/boots',
  );
  assert.equal(modes, '755\n755');

  const tries = {
    [`${closure}/x`]: 'Read-only',
    '/nix/var/nix/db/x': 'Read-only',
    '/nix/var/nix/daemon-socket/x': 'Read-only',
    '/nix/var/nix/profiles/x': 'Read-only',
    '/nix/var/nix/profiles/per-user/x': '',
    '/nix/var/nix/gcroots/x': '',
  };
  for (const [path, refusal] of Object.entries(tries)) {
    const said = await inSystem('boots', 'sh', '-c', `echo x > ${path}`).catch(error => String(error));
    assert.ok(refusal === '' ? said === '' : said.includes(refusal), `${path}: ${said}`);
  }
  assert.ok((await world.sh('ls', '/nix/var/nix/gcroots/per-container/boots')).includes('x'));
  // Data, as the root is.
  await world.remove('boots');
  await world.untilGone('boots');
  assert.equal(await world.sh('readlink', '-f', `${PROFILES}/boots/system`), closure);
  assert.equal(await world.sh('ls', '/var/lib/nspawnd/nix'), '');
});

test('a profile that flips is a new generation, switched to in the guest, which runs on; older ones are not collected', async () => {
  const [first, second, third, unused] = await Promise.all(
    ['first', 'second', 'third', 'unused'].map(version => buildSystem(world, version)),
  );
  await link(world, first ?? '', '/srv/flip');
  await world.drop('flip', nixGuest({ path: '/srv/flip' }));
  await world.untilReady('flip');
  const run = await world.invocation('flip');
  // Twice before anybody looks: only where it ends counts.
  const flip = 'for to in "$1" "$2"; do ln -s "$to" /srv/flip.new; mv -T /srv/flip.new /srv/flip; done';
  await world.whileHeld(() => world.sh('sh', '-ec', flip, 'flip', third ?? '', second ?? ''));
  await untilSays(world, `${stateOf('flip')}/switched`, 'test second');
  const reloaded = await world.untilEvent('flip', 'Reloaded');
  assert.match(reloaded.message, /status 0 \(by entering the guest\)[\s\S]*switched to second/);
  assert.equal(await world.invocation('flip'), run);
  assert.equal((await world.get('flip'))?.status.nix?.runningClosure, second);
  const { stdout } = await world.ctl('generations', 'flip');
  assert.match(stdout, /^1 .* - +\/nix\/store\/\S+-system-first\n2 .* current,running +\S+-system-second$/m);

  await world.sh('nix-collect-garbage');
  const left = await world.sh('ls', '/nix/store');
  assert.match(left, /-system-first$/m);
  assert.match(left, /-system-second$/m);
  assert.doesNotMatch(left, /-system-(third|unused)$/m, unused);
  await world.remove('flip');
});

test('what a guest booted and what it was switched to are not collected while it runs, whatever becomes of its profile', async () => {
  const [booted, switched, next, unused] = await Promise.all([
    buildSystem(world, 'booted', { init: 'tree' }),
    buildSystem(world, 'switched'),
    buildSystem(world, 'next', { init: 'tree' }),
    buildSystem(world, 'nobodys'),
  ]);
  const root = '/var/lib/machines/keeps';
  await world.sh('cp', '-a', '/var/lib/machines/base', root);
  await link(world, booted, '/srv/keeps');
  await world.drop('keeps', { root, path: '/srv/keeps' });
  await world.untilReady('keeps');
  await link(world, switched, '/srv/keeps');
  await untilSays(world, `${root}/switched`, 'test switched');
  await world.drop('keeps', { root, path: '/srv/keeps', update: 'none' });
  await link(world, next, '/srv/keeps');
  await world.until('keeps', 'RestartRequired', 'True', 'NewSystem');
  await world.sh('nix-env', '-p', `${PROFILES}/keeps/system`, '--delete-generations', 'old');
  await world.sh('rm', '/srv/keeps');
  const collect = async () => {
    await world.sh('nix-collect-garbage');
    const left = new Set((await world.sh('ls', '/nix/store')).split('\n'));
    return (path: string) => left.has(path.slice('/nix/store/'.length));
  };
  const isLeft = await collect();
  assert.deepEqual([booted, switched, next, unused].map(isLeft), [true, true, true, false]);
  assert.equal((await world.condition('keeps', 'Ready'))?.status, 'True');
  // The next run has no use for them.
  assert.equal((await world.ctl('restart', 'keeps')).exitCode, 0);
  await world.untilReady('keeps');
  assert.deepEqual([booted, switched, next].map(await collect()), [false, false, true]);
  await world.remove('keeps');
  await world.untilGone('keeps');
  assert.equal(await world.sh('ls', '/nix/var/nix/gcroots/nspawnd'), '');
});

test('a rollback switches the guest back, and is not undone; another update goes on', async () => {
  const [first, second] = [await buildSystem(world, 'first'), await buildSystem(world, 'second')];
  await link(world, first, '/srv/back');
  await world.drop('back', nixGuest({ path: '/srv/back' }));
  await world.untilReady('back');
  await link(world, second, '/srv/back');
  const updated = await world.ctl('update', 'back');
  assert.equal(updated.exitCode, 0, updated.stderr);
  assert.match(updated.stdout, /back updated: generation 2, \/nix\/store\/\S+-system-second\n?$/);
  const back = await world.ctl('rollback', 'back');
  assert.equal(back.exitCode, 0, back.stderr);
  assert.match(back.stdout, /back rolled back: generation 1, /);
  await untilSays(world, `${stateOf('back')}/switched`, 'test second\ntest first');
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.sh('systemctl', 'restart', 'container@back');
  await world.untilReady('back');
  assert.equal(await world.host.readFile(`${stateOf('back')}/booted`), 'first\n');
  assert.equal((await world.ctl('rollback', 'back', '--to', '2')).exitCode, 0);
  assert.equal((await world.get('back'))?.status.nix?.runningClosure, second);
  const refused = await world.ctl('rollback', 'back', '--to', '9');
  assert.equal(refused.exitCode, 78);
  assert.match(refused.stderr, /no generation 9; there are: 1, 2/);
});

test('update: restart starts the guest anew, none leaves it alone and says so, and systemctl reload switches it all the same', async () => {
  const [first, second] = [await buildSystem(world, 'first'), await buildSystem(world, 'second')];
  for (const name of ['restarts', 'stays']) {
    await link(world, first, `/srv/${name}`);
    await world.drop(name, nixGuest({ path: `/srv/${name}`, update: name === 'stays' ? 'none' : 'restart' }));
  }
  await world.untilReady('restarts', 'stays');
  const run = await world.invocation('stays');
  for (const name of ['restarts', 'stays']) await link(world, second, `/srv/${name}`);
  await untilSays(world, `${stateOf('restarts')}/booted`, 'second');
  const left = await world.until('stays', 'RestartRequired', 'True', 'NewSystem');
  assert.match(left.message, /update is none; run: nspawnctl restart stays/);
  assert.equal(await world.invocation('stays'), run);
  assert.equal(await world.host.readFile(`${stateOf('stays')}/booted`), 'first\n');

  await world.sh('systemctl', 'reload', 'container@stays');
  assert.equal(await world.host.readFile(`${stateOf('stays')}/switched`), 'test second\n');
  assert.equal(await world.condition('stays', 'RestartRequired'), undefined);
  await world.sh('systemctl', 'reload', 'container@stays');
  assert.equal(await world.host.readFile(`${stateOf('stays')}/switched`), 'test second\ntest second\n');
  assert.equal(await world.invocation('stays'), run);
});

test('a switch that fails, hangs or is missing is told once, with its output, and leaves the guest running', async () => {
  const first = await buildSystem(world, 'first');
  const says = {
    'does-fail': /exited with status 4[\s\S]*the cellar is flooded/,
    'does-hang': /did not end within 3 s[\s\S]*hanging/,
    'does-missing': /is missing from it/,
  };
  const names = Object.keys(says);
  for (const name of names) {
    await link(world, first, `/srv/${name}`);
    await world.drop(
      name,
      nixGuest({ path: `/srv/${name}`, timeoutStartSec: name === 'does-hang' ? 3 : 90 }),
    );
  }
  await world.untilReady(...names);
  const runs = await Promise.all(names.map(name => world.invocation(name)));
  for (const name of names)
    await link(world, await buildSystem(world, name, { switch: name.replace('does-', '') }), `/srv/${name}`);
  for (const [name, pattern] of Object.entries(says)) {
    assert.match((await world.until(name, 'RestartRequired', 'True', 'SwitchFailed')).message, pattern);
    const failed = await world.untilEvent(name, 'ReloadFailed', pattern);
    assert.equal(failed.type, 'Warning');
    assert.equal((await world.condition(name, 'Ready'))?.status, 'True');
  }
  assert.notEqual(await world.exits('systemctl', 'reload', 'container@does-fail'), 0);
  const again = await world.ctl('update', 'does-fail');
  assert.equal(again.exitCode, 1);
  assert.match(again.stderr, /SwitchFailed: .*exited with status 4/);
  assert.deepEqual(await Promise.all(names.map(name => world.invocation(name))), runs);
  // No more often than it was asked for: at first, by the reload, and by the update.
  const begun = (await world.events('does-fail')).filter(event => event.reason === 'Reloading');
  assert.equal(
    begun.reduce((sum, { count }) => sum + count, 0),
    3,
  );
  // What hung is not left in the guest.
  await eventually(async () => !(await inSystem('does-hang', 'ps')).includes('sleep 1000'), {
    timeoutMs: 20_000,
    describe: 'what hung to be gone',
  });
});

test('a guest with systemd is switched by its systemd, or by its run-command socket where it has one', async () => {
  const [first, second] = [
    await buildSystem(world, 'first', { init: 'tree' }),
    await buildSystem(world, 'second', { init: 'tree' }),
  ];
  const servers = {
    'by-shell': 'ExecStart=/bin/sh',
    // As a guest that reads one line and no more.
    'by-line': 'ExecStart=/bin/sh -c \'read -r line; eval "$$line"\'',
    'by-systemd': null,
  };
  const says = {
    'by-shell': /status 0 \(by the guest's run-command socket\)/,
    'by-line': /ended \(by the guest's run-command socket, which tells no status\)/,
    'by-systemd': /status 0 \(by the guest's systemd\)/,
  };
  for (const [name, server] of Object.entries(servers)) {
    const root = `/var/lib/machines/${name}`;
    await world.sh('cp', '-a', '/var/lib/machines/base', root);
    const units = `${root}/etc/systemd/system`;
    if (server !== null) {
      const socket = '[Socket]\nListenStream=/var/lib/run-command.socket\nAccept=yes\nSocketMode=0600\n';
      await world.host.writeFile(`${units}/run-command.socket`, socket);
      const service = `[Service]\n${server}\nStandardInput=socket\nStandardOutput=socket\nStandardError=socket\n`;
      await world.host.writeFile(`${units}/run-command@.service`, service);
      await world.sh('mkdir', '-p', `${units}/sockets.target.wants`);
      await world.sh('ln', '-s', '../run-command.socket', `${units}/sockets.target.wants/run-command.socket`);
    }
    await link(world, first, `/srv/${name}`);
    await world.drop(name, { root, path: `/srv/${name}` });
  }
  const names = Object.keys(servers);
  await world.untilReady(...names);
  for (const name of names) await link(world, second, `/srv/${name}`);
  for (const [name, pattern] of Object.entries(says)) {
    await untilSays(world, `/var/lib/machines/${name}/switched`, 'test second');
    assert.match((await world.untilEvent(name, 'Reloaded')).message, pattern);
  }
  // Its control group says whose child it was; from outside it would be one above the guest's own.
  assert.match(
    await world.sh('cat', '/var/lib/machines/by-systemd/switched-in'),
    /^0::\/system\.slice\/run-[^/]+\.service$/,
  );
  // A link where the socket was leads nowhere: the host's own bus must not hear of it.
  await world.sh(
    'ln',
    '-sfn',
    '/run/dbus/system_bus_socket',
    '/var/lib/machines/by-shell/var/lib/run-command.socket',
  );
  await world.sh('systemctl', 'reload', 'container@by-shell');
  assert.match((await world.untilEvent('by-shell', 'Reloaded', /systemd/)).message, /by the guest's systemd/);
});

test('a guest that has its bus on a file system that never answers is switched all the same', async () => {
  const [first, second] = [
    await buildSystem(world, 'first', { init: 'tree' }),
    await buildSystem(world, 'second', { init: 'tree' }),
  ];
  // The unit lets a guest have it only where the host has it.
  await world.sh('sh', '-c', '[ -e /dev/fuse ] || mknod /dev/fuse c 10 229');
  const root = '/var/lib/machines/hangs';
  await world.sh('cp', '-a', '/var/lib/machines/base', root);
  await link(world, first, '/srv/hangs');
  await world.drop('hangs', { root, path: '/srv/hangs', timeoutStopSec: 10 });
  await world.untilReady('hangs');
  // A server that reads no question: whoever looks at anything below waits until it ends.
  const mount = [
    'mknod /fuse c 10 229',
    'exec 3<>/fuse',
    'mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none /run/dbus',
    'exec sleep inf',
  ].join(' && ');
  await world.startInGuest('hangs', 'mounts', ['sh', '-c', mount]);
  const leader = await world.leader('hangs');
  await eventually(async () => (await world.sh('cat', `/proc/${leader}/mountinfo`)).includes(' - fuse '), {
    describe: 'the guest to have mounted it',
  });
  await link(world, second, '/srv/hangs');
  const reloaded = await world.untilEvent('hangs', 'Reloaded');
  assert.match(reloaded.message, /status 0 \(by entering the guest\)/);
});

test('a system on a throw-away root boots anew each time, and its profile outlives that', async () => {
  const closure = await buildSystem(world, 'fleeting');
  await link(world, closure, '/srv/fleeting');
  await world.drop('fleeting', nixGuest({ path: '/srv/fleeting', ephemeral: true }));
  await world.untilReady('fleeting');
  assert.equal(await inSystem('fleeting', 'cat', '/booted'), 'fleeting');
  await inSystem('fleeting', 'sh', '-c', 'echo x > /left-behind');
  const run = await world.invocation('fleeting');
  await world.sh('kill', '-9', String(await world.mainPid('fleeting')));
  await eventually(async () => ![run, ''].includes(await world.invocation('fleeting')), {
    timeoutMs: 60_000,
    describe: 'it to run again',
  });
  await world.untilReady('fleeting');
  assert.notEqual(await inSystem('fleeting', 'sh', '-c', 'test -e /left-behind; echo $?'), '0');
  assert.equal(await world.sh('readlink', '-f', `${PROFILES}/fleeting/system`), closure);
  assert.equal(await world.sh('sh', '-c', `ls -A ${stateOf('fleeting')} | grep -c left-behind; true`), '0');
  // No copy of the killed run is left beside it.
  await eventually(
    async () =>
      (await world.sh(
        'sh',
        '-c',
        'ls -A /var/lib/nixos-containers | grep -cE "^[.]#(machine|snapshot)[.]fleeting[0-9a-f]*$"; true',
      )) === '1',
    { timeoutMs: 60_000, describe: 'one copy to be there' },
  );
});

test('the conf file of a NixOS container becomes a manifest, and the container runs as the file says', async () => {
  const closure = await buildSystem(world, 'former', { init: 'tree' });
  await world.sh('mkdir', '-p', '/var/lib/nixos-containers');
  await world.sh('cp', '-a', '/var/lib/machines/base', stateOf('former'));
  await world.host.writeFile(
    '/etc/containers/former.conf',
    [
      `SYSTEM_PATH=${closure}`,
      'PRIVATE_NETWORK=1',
      'HOST_ADDRESS=10.231.140.1',
      'LOCAL_ADDRESS=10.231.140.2',
      'AUTO_START=1',
      'EXTRA_NSPAWN_FLAGS="--setenv=GREETING=hello"',
      '',
    ].join('\n'),
  );
  try {
    const imported = await world.ctl('import', '/etc/containers/former.conf');
    assert.equal(imported.exitCode, 0, imported.stderr);
    await world.untilReady('former');
    assert.ok(await world.pings('10.231.140.2'));
    assert.match(await world.sh('ip', '-o', 'address', 'show', 've-former'), /10\.231\.140\.1\/32/);
    const environment = (
      await world.inGuest('former', ['sh', '-c', "tr '\\0' '\\n' < /proc/1/environ"])
    ).split('\n');
    for (const line of ['PRIVATE_NETWORK=1', 'LOCAL_ADDRESS=10.231.140.2', 'GREETING=hello'])
      assert.ok(environment.includes(line), `${line} in ${environment.join(' ')}`);
    assert.equal(await world.sh('readlink', '-f', `${PROFILES}/former/system`), closure);
    assert.match(await world.host.readFile('/etc/containers/former.conf.nspawnd'), /counts no longer/);
  } finally {
    await world.sh('rm', '-rf', '/etc/containers');
  }
});

test('a 32-bit system sees a 32-bit machine', async () => {
  const closure = await buildSystem(world, 'small', { platform: 'i686-linux' });
  await world.drop('small', nixGuest({ path: closure }));
  await world.untilReady('small');
  assert.equal(
    await world.sh('cat', `/proc/${(await world.get('small'))?.status.leader}/personality`),
    '00000008',
  );
  assert.equal(await world.host.readFile(`${stateOf('small')}/machine`), 'i686\n');
  assert.match(await world.unit('small', 'ExecStart'), /--personality=x86 /);
});

test('a path that does not exist or is no system is said, and waited for; a guest that runs goes on', async () => {
  const closure = await buildSystem(world, 'late');
  await world.sh('mkdir', '-p', '/srv/plain');
  await world.drop('late', nixGuest({ path: '/srv/late' }));
  await world.drop('plain', nixGuest({ path: '/srv/plain' }));
  assert.match(
    (await world.until('late', 'Stalled', 'True', 'ClosureMissing')).message,
    /\/srv\/late does not exist/,
  );
  assert.match((await world.until('plain', 'Stalled', 'True', 'NotAClosure')).message, /no system of Nix/);
  await link(world, closure, '/srv/late');
  await world.untilReady('late');
  const run = await world.invocation('late');
  await world.sh('rm', '/srv/late');
  await world.until('late', 'RootReady', 'False', 'ClosureMissing');
  await world.sh('systemctl', 'restart', 'container@late');
  await world.untilReady('late');
  assert.notEqual(await world.invocation('late'), run, 'its generation is still there');
});

test('without Nix on the host that is said, nothing else breaks, and it goes on when there is one', async () => {
  const closure = await buildSystem(world, 'without');
  await world.sh('mv', '/usr/bin/nix-env', '/usr/bin/nix-env.away');
  try {
    await world.drop('without', nixGuest({ path: closure }));
    await world.drop('other', { root: '/var/lib/machines/base', volatile: 'overlay' });
    assert.match(
      (await world.until('without', 'RootReady', 'False', 'NixMissing')).message,
      /apt install nix-bin/,
    );
    await world.untilReady('other');
  } finally {
    await world.sh('mv', '/usr/bin/nix-env.away', '/usr/bin/nix-env');
  }
  await world.untilReady('without');
});
