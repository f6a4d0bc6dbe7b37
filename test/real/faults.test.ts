import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { payloadEnvironment } from './payload.ts';
import { guest, manifestText, sleeper, useWorld } from './world.ts';

const world = useWorld();

/** What a launch leaves on the host, in the order of its steps: nspawnd is killed as soon as each appears. */
const TRACES_OF_A_LAUNCH = [
  '/run/nspawnd/startup/NAME',
  '/run/nspawnd/sandboxes/NAME',
  '/run/netns/NAME',
  '/sys/class/net/ve-NAME',
  '/run/nspawnd/guest-hosts/NAME',
  '/run/systemd/system/container@NAME.service',
  '/run/nspawnd/history/NAME',
  '/run/systemd/units/invocation:container@NAME.service',
  '/run/systemd/machines/NAME',
  '/run/nspawnd/startup/NAME.started',
  '/run/nspawnd/memory/NAME',
];

test('nspawnd killed after any step of a launch: exactly one container results', async () => {
  const names = TRACES_OF_A_LAUNCH.map((_, index) => `step-${index}`);
  for (const [index, trace] of TRACES_OF_A_LAUNCH.entries()) {
    const name = names[index] ?? '';
    const readiness = trace.includes('/startup/') ? 'fifo' : 'started';
    await world.host.writeFile(`/root/${name}.yaml`, manifestText(name, preparedSleeper(index, readiness)));
    const moved = `mv /root/${name}.yaml /etc/nspawnd/manifests/`;
    const path = trace.replaceAll('NAME', name);
    await killNspawnd(`${moved}; until [ -e ${path} -o -L ${path} ]; do :; done`);
  }
  await expectOneEach(names);
});

test('nspawnd killed at any time of a launch: exactly one container results, and what ran runs on', async () => {
  const delays = Array.from({ length: 6 }, (_, index) => index * 50);
  const names = delays.map(delay => `after-${delay}`);
  const runs = new Map<string, string>();
  for (const [index, delay] of delays.entries()) {
    const name = names[index] ?? '';
    await world.sh('systemctl', 'stop', 'nspawnd');
    await world.drop(name, preparedSleeper(index));
    // It is ready when it has put everything it found into its queue, so its work begins about now.
    await killNspawnd(`systemctl start nspawnd; sleep ${delay / 1000}`);
    for (const known of names.slice(0, index + 1)) {
      const isUp = (await world.unit(known, 'ActiveState')) === 'active';
      if (!runs.has(known) && isUp) runs.set(known, await world.invocation(known));
    }
  }
  await expectOneEach(names);
  for (const [name, run] of runs) assert.equal(await world.invocation(name), run, name);
});

test('nspawnd killed at any point of a stop: everything of the container goes, and its tree stays', async () => {
  const traces = [
    '! -e /run/systemd/machines/NAME',
    '-e /run/nspawnd/ended/NAME',
    '! -e /sys/class/net/ve-NAME',
    '! -e /run/netns/NAME',
    '! -e /run/systemd/system/container@NAME.service',
    '! -e /run/nspawnd/guest-hosts/NAME',
    '! -e /run/nspawnd/history/NAME',
  ];
  const names = traces.map((_, index) => `gone-${index}`);
  for (const [index, name] of names.entries()) await world.drop(name, preparedSleeper(index));
  await world.untilReady(...names);
  for (const [index, trace] of traces.entries()) {
    const name = names[index] ?? '';
    const removed = `rm /etc/nspawnd/manifests/${name}.yaml`;
    await killNspawnd(`${removed}; until [ ${trace.replaceAll('NAME', name)} ]; do :; done`);
  }
  await world.sh('systemctl', 'start', 'nspawnd');
  for (const name of names) await world.untilGone(name);
  await eventually(
    async () => {
      for (const directory of ['netns', 'systemd/machines', 'nspawnd/ended', 'nspawnd/history'])
        assert.doesNotMatch(await world.sh('ls', '-A', `/run/${directory}`), /gone-/, directory);
      for (const directory of ['guest-hosts', 'startup', 'sandboxes', 'memory', 'requests'])
        assert.doesNotMatch(
          await world.sh('sh', '-c', `ls -A /run/nspawnd/${directory} || :`),
          /gone-/,
          directory,
        );
      assert.doesNotMatch(await world.sh('nft', 'list', 'table', 'inet', 'nspawnd'), /gone-/);
      assert.doesNotMatch(await world.sh('ip', 'link'), /gone-/);
      assert.doesNotMatch(await world.host.readFile('/etc/hosts'), /gone-/);
      assert.equal(await world.exits('pgrep', '-f', 'machine=gone-'), 1);
      return true;
    },
    { timeoutMs: 60_000, describe: 'nothing to be left' },
  );
  assert.equal(await world.exits('test', '-e', '/var/lib/machines/base/usr/bin/sleep'), 0);
});

test('machined restarted or killed: containers run on, and are still stopped and started', async () => {
  await world.drop('machine', sleeper({ ...network(1) }));
  await world.untilReady('machine');
  const run = await world.invocation('machine');
  await world.sh('systemctl', 'restart', 'systemd-machined');
  await world.sh('systemctl', 'kill', '-s', 'KILL', 'systemd-machined');
  await eventually(async () => /^machine /m.test(await world.sh('machinectl', 'list')), FOR_A_MINUTE);
  await world.untilReady('machine');
  assert.equal(await world.invocation('machine'), run);
  assert.equal((await world.ctl('restart', 'machine')).exitCode, 0);
  assert.notEqual(await world.invocation('machine'), run);
  assert.equal((await world.get('machine'))?.status.restarts, 0);
});

test('machined that cannot be started: what runs runs on and can be stopped, starts wait and say so', async () => {
  await world.drop('stays', sleeper({ ...network(1) }));
  await world.drop('ends', sleeper());
  await world.untilReady('stays', 'ends');
  const run = await world.invocation('stays');
  await world.sh('systemctl', 'mask', '--runtime', 'systemd-machined');
  try {
    await world.sh('systemctl', 'kill', '-s', 'KILL', 'systemd-machined');
    await world.drop('waits', sleeper());
    const { message } = await world.until('waits', 'HostReady', 'False', 'MachinedUnavailable');
    assert.match(message, /^systemd-machined does not answer: .*systemctl status systemd-machined/);
    await world.until('waits', 'Ready', 'False', 'MachinedUnavailable');
    await world.sh('ip', 'link', 'del', 've-stays');
    await eventually(() => world.pings('10.231.1.2'), FOR_A_MINUTE);
    await world.until('stays', 'HostReady', 'False', 'MachinedUnavailable');
    await world.until('stays', 'Ready', 'True');
    assert.equal((await world.ctl('stop', 'ends')).exitCode, 0);
    assert.equal(await world.mainPid('ends'), 0);
    assert.match((await world.ctl('describe', 'waits')).stdout, /systemctl status dbus systemd-machined/);
    assert.match((await world.ctl('doctor')).stdout, /fail +machined +does not answer/);
  } finally {
    await world.sh('systemctl', 'unmask', '--runtime', 'systemd-machined');
  }
  // Whoever asks for it has it started.
  await world.sh('machinectl', 'list');
  await world.untilReady('waits', 'stays');
  for (const name of ['waits', 'stays']) assert.equal(await world.condition(name, 'HostReady'), undefined);
  assert.equal(await world.invocation('stays'), run);
});

test('a running guest that machined does not know is registered', async () => {
  await world.drop('unknown', guest({ ...network(1) }));
  await world.untilReady('unknown');
  const machine = () => world.sh('machinectl', 'show', '-p', 'Leader', '-p', 'Id', '-p', 'Unit', 'unknown');
  const before = await machine();
  await world.sh(
    ...['busctl', 'call', 'org.freedesktop.machine1', '/org/freedesktop/machine1'],
    ...['org.freedesktop.machine1.Manager', 'UnregisterMachine', 's', 'unknown'],
  );
  await world.untilEvent('unknown', 'Registered', /machined does not know it/);
  assert.equal(await machine(), before);
  assert.equal((await world.ctl('exec', 'unknown', '--', 'true')).exitCode, 0);
  assert.equal((await world.ctl('restart', 'unknown')).exitCode, 0);
  assert.notEqual(await machine(), before);
});

test('the bus lost: nspawnd connects again and goes on, and containers do not notice', async () => {
  await world.drop('before', sleeper());
  await world.untilReady('before');
  const run = await world.invocation('before');
  const nspawnd = await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd');
  await world.sh('systemctl', 'kill', '-s', 'KILL', 'dbus.service');
  await world.sh('systemctl', 'restart', 'dbus.socket', 'dbus.service');

  await world.drop('after', sleeper());
  await world.untilReady('before', 'after');
  assert.equal(await world.invocation('before'), run);
  assert.equal(await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd'), nspawnd);
  // Signals arrive on the new connection.
  await world.sh('kill', '-9', String(await world.mainPid('before')));
  await world.untilEvent('before', 'Failed', /signal KILL/);
  await untilOtherRun('before', run);
});

test('nspawnd stopped, restarted or replaced by another version: containers run on and are adopted', async () => {
  await world.drop('stays', sleeper(network(1)));
  await world.untilReady('stays');
  const run = await world.invocation('stays');
  await world.sh('systemctl', 'stop', 'nspawnd');
  assert.equal(await world.unit('stays', 'ActiveState'), 'active');
  assert.ok(await world.pings('10.231.1.2'));
  await world.sh('systemctl', 'start', 'nspawnd');
  await world.untilReady('stays');

  const bundle = '/usr/lib/nspawnd/nspawnd.cjs';
  await world.sh('cp', '-p', bundle, '/root/bundle');
  await world.sh('sed', '-i', 's/NSPAWND_RENDERER", *[A-Za-z_$]*/NSPAWND_RENDERER", "next"/', bundle);
  assert.notEqual(await world.exits('cmp', '-s', bundle, '/root/bundle'), 0);
  await world.sh('sed', '-Ei', 's/(RENDERER[0-9]* ?= ?)"[0-9]+"/\\1"next"/', bundle);
  await world.sh('systemctl', 'restart', 'nspawnd');
  try {
    const required = await world.until('stays', 'RestartRequired', 'True', 'NewRenderer');
    assert.match(required.message, /nspawnctl restart stays/);
    assert.equal(await world.invocation('stays'), run);
    assert.equal((await world.ctl('restart', 'stays')).exitCode, 0);
    await eventually(
      async () => (await world.condition('stays', 'RestartRequired')) === undefined,
      FOR_A_MINUTE,
    );
  } finally {
    await world.sh('mv', '/root/bundle', bundle);
    await world.sh('systemctl', 'restart', 'nspawnd');
  }
});

test('what a guest does while nspawnd is dead is seen afterwards: off stays down, a reboot is none of its failures', async () => {
  await world.drop('off', guest());
  await world.drop('reboots', guest({ restartPolicy: 'Never' }));
  await world.drop('dies', sleeper());
  await world.untilReady('off', 'reboots', 'dies');
  const before = await world.invocation('reboots');
  await world.sh('systemctl', 'stop', 'nspawnd');
  await world.sh('machinectl', 'poweroff', 'off');
  await world.sh('machinectl', 'reboot', 'reboots');
  await world.sh('kill', '-9', String(await world.mainPid('dies')));
  for (const name of ['off', 'reboots', 'dies'])
    await eventually(async () => /inactive|failed/.test(await world.unit(name, 'ActiveState')), FOR_A_MINUTE);
  await world.sh('systemctl', 'start', 'nspawnd');
  await world.until('off', 'Ready', 'False', 'ExitedCleanly');
  await untilOtherRun('reboots', before);
  await world.untilReady('dies');
  assert.equal((await world.get('off'))?.status.restarts, 0);
  assert.equal((await world.get('reboots'))?.status.restarts, 0);
  assert.equal((await world.get('dies'))?.status.restarts, 1);
});

test('a guest that panics in a loop: backoff doubles, is told, outlives nspawnd, and a person may skip it', async () => {
  await world.drop('panics', sleeper({ command: ['/bin/sh', '-c', 'exit 3'] }));
  await world.drop('calm', sleeper());
  await world.until('panics', 'CrashLooping', 'True', 'TooManyRestarts', 120_000);
  const backingOff = await eventually(
    async () => {
      const container = await world.get('panics');
      assert.equal(container?.status.phase, 'BackOff');
      const due = Date.parse(container.status.nextRetryTime ?? '');
      // The fourth backoff is 8 s, +- 20 %: there is time to look at it.
      assert.ok(container.status.restarts >= 3 && due - Date.now() > 4000);
      return container;
    },
    { timeoutMs: 120_000 },
  );
  await world.sh('systemctl', 'restart', 'nspawnd');
  const later = await eventually(async () => {
    const container = await world.get('panics');
    assert.ok(container !== null && container.status.nextRetryTime !== undefined);
    return container;
  }, FOR_A_MINUTE);
  // Either the same wait goes on, or, on a slow machine, the next one, which is longer.
  const [was, is] = [backingOff, later].map(({ status }) => Date.parse(status.nextRetryTime ?? ''));
  assert.ok((is ?? 0) >= (was ?? 0));
  assert.ok(later.status.restarts >= backingOff.status.restarts);
  const doubling = await world.sh('sh', '-c', 'journalctl --no-pager -o cat -u nspawnd | grep recordFailure');
  const waits = [...doubling.matchAll(/"time":"([^"]+)".*next try at (\S+)/g)].map(
    ([, at, next]) => Date.parse(next ?? '') - Date.parse(at ?? ''),
  );
  if (waits.length >= 3) assert.ok((waits[2] ?? 0) > (waits[0] ?? 0), waits.join(' '));

  const { restarts } = (await world.get('panics'))?.status ?? { restarts: 0 };
  // It counts as started when its payload was, so the command may well be content with it.
  await world.ctl('restart', 'panics');
  await world.untilEvent('panics', 'Starting', /nspawnctl restart/);
  assert.ok(((await world.get('panics'))?.status.restarts ?? 0) <= restarts + 1);
  await world.untilReady('calm');
  assert.equal((await world.get('calm'))?.status.restarts, 0);
});

test('a registration of machined whose leader is dead is cleaned up, and the container starts', async () => {
  await world.sh(
    ...['systemd-run', '--quiet', '--unit=ghost', 'sh', '-c'],
    'sleep 9999 & echo $! > /run/ghost; exec sleep 9999',
  );
  const leader = await eventually(async () => (await world.host.readFile('/run/ghost')).trim(), FOR_A_MINUTE);
  try {
    await world.sh(
      ...['busctl', 'call', 'org.freedesktop.machine1', '/org/freedesktop/machine1'],
      ...[
        'org.freedesktop.machine1.Manager',
        'RegisterMachine',
        'sayssus',
        'haunted',
        '0',
        'test',
        'container',
      ],
      ...[leader, '/'],
    );
    // Nobody reaps it, so machined does not let go of it.
    await world.sh('kill', '-9', leader);
    assert.equal(await world.exits('machinectl', 'show', 'haunted'), 0);
    await world.drop('haunted', sleeper());
    await world.untilReady('haunted');
    assert.equal(
      await world.sh('machinectl', 'show', '--value', '-p', 'Unit', 'haunted'),
      'container@haunted.service',
    );
    await world.untilEvent('haunted', 'StaleRegistration', new RegExp(`leader ${leader}`));
  } finally {
    await world.exits('systemctl', 'stop', 'ghost');
  }
});

test("an administrator's unit that names ours does not keep the old spec running after an edit", async () => {
  await world.host.writeFile(
    '/etc/systemd/system/admin.service',
    '[Unit]\nAfter=container@named.service\nWants=container@named.service\n[Service]\nExecStart=/bin/sleep infinity\n',
  );
  await world.sh('systemctl', 'daemon-reload');
  try {
    await world.drop('named', sleeper({ environment: { EDITION: 'first' } }));
    await world.untilReady('named');
    await world.sh('systemctl', 'start', 'admin');
    const run = await world.invocation('named');
    await world.drop('named', sleeper({ environment: { EDITION: 'second' } }));
    await untilOtherRun('named', run);
    assert.equal((await payloadEnvironment(world, 'named')).get('EDITION'), 'second');
    assert.equal(await world.condition('named', 'RestartRequired'), undefined);
  } finally {
    await world.sh('systemctl', 'stop', 'admin');
    await world.host.rm('/etc/systemd/system/admin.service');
    await world.sh('systemctl', 'daemon-reload');
  }
});

test('a mask or a file elsewhere in the place of our unit is named, and when it goes the container starts', async () => {
  const foreign = '[Service]\nExecStart=/bin/sleep infinity\n';
  await world.sh('systemctl', 'mask', 'container@masked');
  await world.host.writeFile('/etc/systemd/system/container@shadowed.service', foreign);
  await world.host.writeFile('/run/systemd/system/container@theirs.service', foreign);
  await world.sh('systemctl', 'daemon-reload');
  for (const name of ['masked', 'shadowed', 'theirs']) await world.drop(name, sleeper());
  const said = await Promise.all(
    ['masked', 'shadowed', 'theirs'].map(name => world.until(name, 'Stalled', 'True', 'UnitShadowed')),
  );
  assert.match(said[0]?.message ?? '', /container@masked\.service is masked.*systemctl unmask/);
  assert.match(said[1]?.message ?? '', /\/etc\/systemd\/system\/container@shadowed\.service/);
  assert.match(said[2]?.message ?? '', /\/run\/systemd\/system\/container@theirs\.service/);
  assert.equal(await world.host.readFile('/run/systemd/system/container@theirs.service'), foreign);
  assert.equal(await world.exits('pgrep', 'systemd-nspawn'), 1);

  await world.sh('systemctl', 'unmask', 'container@masked');
  await world.host.rm('/etc/systemd/system/container@shadowed.service');
  await world.host.rm('/run/systemd/system/container@theirs.service');
  await world.sh('systemctl', 'daemon-reload');
  await world.untilReady('masked', 'shadowed', 'theirs');
});

test('a mask under a running container does not stop it, and does not read as its end', async () => {
  await world.drop('runs', sleeper());
  await world.untilReady('runs');
  const run = await world.invocation('runs');
  await world.sh('systemctl', 'mask', 'container@runs');
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.untilReady('runs');
  assert.equal(await world.invocation('runs'), run);
  await world.sh('systemctl', 'unmask', 'container@runs');
});

test('a daemon-reload, also of an edited unit, under a running guest changes nothing that is said or done', async () => {
  await world.drop('loaded', sleeper({ restartIfChanged: false, environment: { EDITION: 'first' } }));
  await world.untilReady('loaded');
  const run = await world.invocation('loaded');
  await world.drop('loaded', sleeper({ restartIfChanged: false, environment: { EDITION: 'second' } }));
  await world.until('loaded', 'RestartRequired', 'True', 'SpecChanged');
  const file = '/run/systemd/system/container@loaded.service';
  await world.sh('sed', '-i', 's/EDITION=first/EDITION=handmade/; s/LAUNCH_HASH=.*/LAUNCH_HASH=v1-0"/', file);
  await world.sh('systemctl', 'daemon-reload');
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.untilReady('loaded');
  await world.until('loaded', 'RestartRequired', 'True', 'SpecChanged');
  assert.equal(await world.invocation('loaded'), run);

  assert.equal((await world.ctl('restart', 'loaded')).exitCode, 0);
  assert.equal((await payloadEnvironment(world, 'loaded')).get('EDITION'), 'second');
  await eventually(
    async () => (await world.condition('loaded', 'RestartRequired')) === undefined,
    FOR_A_MINUTE,
  );
});

test('one bad container delays no other', async () => {
  const bad = Array.from({ length: 12 }, (_, index) => `bad-${index}`);
  const kinds = [
    guest({ command: ['/bin/sh', '-c', 'exit 1'] }),
    guest({ root: '/var/lib/machines/not-there' }),
    // Never ready, never stopping by itself.
    sleeper({ readiness: 'fifo', timeoutStartSec: 3600 }),
  ];
  for (const [index, name] of bad.entries()) await world.drop(name, kinds[index % kinds.length] ?? {});
  await world.drop('good', sleeper(network(1)));
  await world.untilReady('good');
  assert.equal((await world.condition('bad-2', 'Ready'))?.reason, 'Starting');
  await world.until('bad-1', 'Stalled', 'True', 'RootMissing');
});

test('a boot of the host starts what is to start, also what was stopped, forgets backoff, and no end on the way counts', async () => {
  await world.sh('mkdir', '-p', '/var/log/journal');
  await world.sh('systemctl', 'restart', 'systemd-journald');
  await world.drop('boots', guest(network(1)));
  await world.drop('stopped', sleeper());
  await world.drop('by-hand', sleeper({ autoStart: false }));
  await world.drop('crashes', sleeper({ command: ['/bin/sh', '-c', 'exit 3'] }));
  await world.untilReady('boots', 'stopped');
  assert.equal((await world.ctl('stop', 'stopped')).exitCode, 0);
  await world.until('crashes', 'CrashLooping', 'True', 'TooManyRestarts', 120_000);
  const boot = (await world.sh('cat', '/proc/sys/kernel/random/boot_id')).trim();

  await world.host.reboot();
  await world.untilReady('boots', 'stopped');
  await world.until('by-hand', 'Ready', 'False', 'NotStarted');
  assert.ok(await world.pings('10.231.1.2'));
  for (const name of ['boots', 'stopped']) assert.equal((await world.get(name))?.status.restarts, 0);
  assert.ok(((await world.get('crashes'))?.status.restarts ?? 99) < 3);
  assert.notEqual((await world.sh('cat', '/proc/sys/kernel/random/boot_id')).trim(), boot);
  const lastBoot = await world.sh('journalctl', '--no-pager', '-b', '-1', '-o', 'cat', '-u', 'nspawnd');
  assert.match(lastBoot, /container is ready/);
  assert.doesNotMatch(lastBoot, /"key":"(boots|stopped|by-hand)".*recordFailure/);
});

const FOR_A_MINUTE = { timeoutMs: 60_000 };

function network(net: number): Readonly<Record<string, unknown>> {
  return {
    privateNetwork: true,
    hostAddress: `10.231.${net}.1`,
    localAddress: `10.231.${net}.2`,
    hostAddress6: `fd00:231:${net}::1`,
    localAddress6: `fd00:231:${net}::2`,
  };
}

/** A guest that needs every kind of preparation; with a FIFO it says there that it has started. */
function preparedSleeper(net: number, readiness = 'started'): Readonly<Record<string, unknown>> {
  const tell = readiness === 'fifo' ? 'echo started > /var/lib/startup-done;' : '';
  const command = ['/bin/sh', '-c', `${tell} exec sleep 9999`];
  return sleeper({ ...network(net), readiness, timeoutStartSec: 20, command });
}

/** Kills the nspawnd that runs now, or that the script started, at the very end of a script; it is started again. */
async function killNspawnd(script: string): Promise<void> {
  const kill = 'systemctl kill -s KILL nspawnd 2> /dev/null || :';
  await world.host.exec(['bash', '-c', `${script}\n${kill}\nsystemctl start nspawnd`], {
    timeoutMs: 120_000,
  });
}

/** One of everything for each name, and nothing else. */
async function expectOneEach(names: readonly string[]): Promise<void> {
  await world.sh('systemctl', 'start', 'nspawnd');
  await Promise.all(names.map(name => world.until(name, 'Ready', 'True', undefined, 120_000)));
  const wanted = [...names].sort();
  const lines = async (...argv: string[]) =>
    (await world.sh(...argv))
      .split('\n')
      .map(line => line.split(' ')[0] ?? '')
      .sort();
  assert.deepEqual(await lines('machinectl', 'list', '--no-legend'), wanted);
  assert.deepEqual(await lines('ip', 'netns', 'list'), wanted);
  const links = await world.sh('sh', '-c', 'ip -br link show type veth | wc -l');
  assert.equal(Number(links), wanted.length);
  // While it starts, nspawn has children that are called as it is.
  await eventually(
    async () => Number(await world.sh('pgrep', '-c', 'systemd-nspawn')) === wanted.length,
    FOR_A_MINUTE,
  );
}

async function untilOtherRun(name: string, before: string): Promise<void> {
  await eventually(
    async () => {
      assert.equal(await world.unit(name, 'ActiveState'), 'active');
      const now = await world.invocation(name);
      return now !== '' && now !== before;
    },
    { timeoutMs: 90_000, describe: `another run of ${name}` },
  );
  await world.untilReady(name);
}
