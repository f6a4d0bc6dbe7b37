import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../testbed/eventually.ts';
import { guest, NO_RELIST, sleeper, useWorld } from './world.ts';

const world = useWorld();
/** A tree whose init hears no signal: what is left when a clean stop does not work. */
const DEAF = '/var/lib/machines/deaf';

test('a dropped manifest becomes a running, named, registered container, and a deleted one leaves nothing', async () => {
  await world.drop(
    'web',
    guest({ privateNetwork: true, hostAddress: '10.231.136.1', localAddress: '10.231.136.2' }),
  );
  await world.untilReady('web');
  assert.match(await world.sh('machinectl', 'list'), /^web /m);
  // In the unit itself, and not in a scope that nspawn makes when it is not told to keep its unit.
  assert.equal(await world.sh('machinectl', 'show', '--value', '-p', 'Unit', 'web'), 'container@web.service');
  assert.equal(await world.unit('web', 'ActiveState'), 'active');
  assert.ok(await world.pings('10.231.136.2'));
  assert.ok(await world.pings('web.containers'));

  await world.remove('web');
  await world.untilGone('web');
  assert.doesNotMatch(await world.sh('machinectl', 'list'), /^web /m);
  assert.equal(await world.unit('web', 'LoadState'), 'not-found');
  assert.doesNotMatch(await world.host.readFile('/etc/hosts'), /web/);
});

test('an ephemeral guest runs in a copy of a whole tree, its device nodes with it, and leaves none', async () => {
  const root = '/var/lib/machines/base';
  await world.sh('test', '-c', `${root}/dev/console`);
  await world.drop('copied', { root, ephemeral: true, command: ['/bin/sleep', 'infinity'] });
  await world.untilReady('copied');
  await world.amongGuest('copied', ['touch', '/mark']);
  assert.equal(await world.exits('test', '-e', `${root}/mark`), 1);
  await world.remove('copied');
  await world.untilGone('copied');
  assert.equal(await world.sh('ls', '-A', '/var/lib/machines'), 'base');
});

test('a stop that was asked for holds, also over a restart of nspawnd, until somebody starts it again', async () => {
  const policies = { 'by-ctl': 'OnFailure', 'by-systemd': 'Always' };
  for (const [name, restartPolicy] of Object.entries(policies))
    await world.drop(name, sleeper({ restartPolicy }));
  await world.untilReady('by-ctl', 'by-systemd');
  assert.equal(await world.exits('nspawnctl', 'stop', 'by-ctl'), 0);
  await world.sh('systemctl', 'stop', 'container@by-systemd');
  for (const name of ['by-ctl', 'by-systemd']) await world.until(name, 'Ready', 'False', 'Stopped');

  await world.sh('systemctl', 'restart', 'nspawnd');
  for (const name of ['by-ctl', 'by-systemd']) {
    await world.until(name, 'Ready', 'False', 'Stopped');
    assert.equal(await world.unit(name, 'ActiveState'), 'inactive');
    assert.notEqual(await world.exits('machinectl', 'show', name), 0);
  }

  assert.equal(await world.exits('nspawnctl', 'start', 'by-ctl'), 0);
  await world.sh('systemctl', 'start', 'container@by-systemd');
  await world.untilReady('by-ctl', 'by-systemd');
  assert.deepEqual(await restartsOf('by-ctl', 'by-systemd'), [0, 0]);
});

test('a guest that powers itself off stays down, unless its policy is Always', async () => {
  await world.drop('off-inside', guest());
  await world.drop('off-outside', guest({ restartPolicy: 'Never' }));
  await world.drop('off-always', guest({ restartPolicy: 'Always' }));
  await world.untilReady('off-inside', 'off-outside', 'off-always');
  const before = await world.invocation('off-always');
  await Promise.all([
    world.amongGuest('off-inside', ['systemctl', 'poweroff']),
    world.sh('machinectl', 'poweroff', 'off-outside'),
    world.sh('machinectl', 'poweroff', 'off-always'),
  ]);
  await Promise.all([
    world.until('off-inside', 'Ready', 'False', 'ExitedCleanly', 60_000),
    world.until('off-outside', 'Ready', 'False', 'ExitedCleanly', 60_000),
    untilOtherRun('off-always', before),
  ]);
  assert.equal(await world.unit('off-inside', 'ActiveState'), 'inactive');
  assert.equal(await world.unit('off-outside', 'ActiveState'), 'inactive');
  assert.deepEqual(await restartsOf('off-inside', 'off-outside', 'off-always'), [0, 0, 1]);
});

test('a guest that reboots is started again at once, and that is no failure, whatever its policy', async () => {
  await world.drop('boots-inside', guest({ restartPolicy: 'Never' }));
  await world.drop('boots-outside', guest());
  await world.untilReady('boots-inside', 'boots-outside');
  const before = [await world.invocation('boots-inside'), await world.invocation('boots-outside')];
  await Promise.all([
    world.amongGuest('boots-inside', ['systemctl', 'reboot']),
    world.sh('machinectl', 'reboot', 'boots-outside'),
  ]);
  await untilOtherRun('boots-inside', before[0] ?? '');
  await untilOtherRun('boots-outside', before[1] ?? '');
  assert.deepEqual(await restartsOf('boots-inside', 'boots-outside'), [0, 0]);
  for (const name of ['boots-inside', 'boots-outside']) {
    const reasons = (await world.events(name)).map(event => event.reason);
    assert.ok(!reasons.includes('Failed'), reasons.join(' '));
  }
});

test('a killed nspawn is started again after its backoff and counted; with policy Never it stays down', async () => {
  await world.drop('killed', guest());
  await world.drop('killed-always', sleeper({ restartPolicy: 'Always' }));
  await world.drop('killed-never', sleeper({ restartPolicy: 'Never' }));
  const names = ['killed', 'killed-always', 'killed-never'];
  await world.untilReady(...names);
  const before = await Promise.all(names.map(name => world.invocation(name)));
  for (const name of names) await world.sh('kill', '-9', String(await world.mainPid(name)));

  await Promise.all([
    untilOtherRun('killed', before[0] ?? ''),
    untilOtherRun('killed-always', before[1] ?? ''),
    world.until('killed-never', 'Ready', 'False', 'Failed', 60_000),
  ]);
  assert.deepEqual(await restartsOf(...names), [1, 1, 0]);
  const failed = await world.untilEvent('killed', 'Failed', /signal KILL/);
  const again = await world.untilEvent('killed', 'Starting', /signal KILL/);
  const backoff = Date.parse(again.lastTimestamp) - Date.parse(failed.lastTimestamp);
  // 1 s +- 20 %; how much later a loaded machine comes to it is its own affair.
  assert.ok(backoff >= 700, `restarted ${backoff} ms after its end`);
  assert.match((await world.condition('killed-never', 'Running'))?.message ?? '', /signal KILL/);
});

test('the exit status of a command decides: clean stays down, another one restarts and is named with the last lines', async () => {
  const command = (script: string, more = {}) => sleeper({ command: ['/bin/sh', '-c', script], ...more });
  await world.drop('exits-zero', command('exit 0'));
  await world.drop('exits-five', command('echo "the cellar is flooded"; exit 5'));
  await world.drop('exits-never', command('exit 6', { restartPolicy: 'Never' }));
  await world.drop('exits-nowhere', sleeper({ command: ['/no/such/program'] }));
  await world.until('exits-zero', 'Ready', 'False', 'ExitedCleanly', 60_000);
  const never = await world.until('exits-never', 'Ready', 'False', 'Failed', 60_000);
  assert.match(never.message, /exited with status 6/);
  const five = await world.untilEvent('exits-five', 'Failed', /cellar/);
  assert.match(five.message, /exited with status 5[\s\S]*the cellar is flooded/);
  await world.untilEvent(
    'exits-nowhere',
    'Failed',
    /exited with status 1[\s\S]*no\/such\/program.*No such file/,
  );
  await eventually(async () => ((await restartsOf('exits-five'))[0] ?? 0) >= 1, {
    timeoutMs: 60_000,
    describe: 'exits-five to be restarted',
  });
  const backOff = await world.until('exits-five', 'Ready', 'False', 'BackOff', 60_000);
  assert.match(backOff.message, /exited with status 5[\s\S]*next try at 20[\s\S]*the cellar is flooded/);
  assert.deepEqual(await restartsOf('exits-zero', 'exits-never'), [0, 0]);
});

test('a start that fails is told as soon as it has failed', async () => {
  await world.drop('fails', sleeper({ command: ['/bin/false'] }));
  const told = await world.untilEvent('fails', 'Failed', /exited with status 1/);
  const journal = await world.sh('journalctl', '--no-pager', '-u', 'container@fails', '-o', 'short-unix');
  const failed = journal.split('\n').find(line => line.includes("Failed with result 'exit-code'"));
  assert.ok(failed !== undefined, journal);
  const lateMs = Date.parse(told.firstTimestamp) - Number.parseFloat(failed) * 1000;
  // A tenth of this on an idle machine; waiting for a re-list would take twenty seconds.
  assert.ok(lateMs < 10_000, `told ${lateMs} ms after its end`);
});

test('stopped right after a start, a guest ends in seconds and stays down', async () => {
  await makeDeafTree();
  const spec = { autoStart: false, timeoutStopSec: 300 };
  const stopAfter: Readonly<Record<string, string>> = {
    'early-0': ':',
    'early-20': 'sleep 0.02',
    'early-50': 'sleep 0.05',
    // Its init is there and hears nothing yet: what every guest is for a moment, and this one stays.
    'early-deaf': 'until [ -e /run/systemd/machines/early-deaf ]; do :; done',
  };
  const names = Object.keys(stopAfter);
  for (const name of names)
    await world.drop(name, guest(name === 'early-deaf' ? { ...spec, root: DEAF } : spec));
  for (const name of names) await world.until(name, 'Ready', 'False', 'NotStarted', 60_000);

  const took = await Promise.all(
    Object.entries(stopAfter).map(async ([name, wait]) => {
      const script = `systemctl start --no-block container@${name}; ${wait}; systemctl stop container@${name}`;
      const begin = performance.now();
      await world.host.exec(['sh', '-c', script], { timeoutMs: 120_000 });
      return performance.now() - begin;
    }),
  );
  assert.ok(Math.max(...took) < 100_000, took.join(' '));
  // On a busy host systemd may drop the queued start before it has begun: then the container has never run.
  const reasons = await Promise.all(
    names.map(async name => ((await hasBegun(name)) ? 'Stopped' : 'NotStarted')),
  );
  assert.equal(reasons.at(-1), 'Stopped');
  for (const [index, name] of names.entries())
    await world.until(name, 'Ready', 'False', reasons[index] ?? '');

  await world.sh('systemctl', 'restart', 'nspawnd');
  for (const [index, name] of names.entries()) {
    await world.until(name, 'Ready', 'False', reasons[index] ?? '');
    assert.equal(await world.unit(name, 'ActiveState'), 'inactive');
  }
});

test('a guest that ignores its stop is killed after timeoutStopSec, stays down, and its neighbours do not wait', async () => {
  await makeDeafTree();
  await world.drop('deaf', guest({ root: DEAF, readiness: 'started', timeoutStopSec: 3 }));
  await world.drop('polite', sleeper());
  await world.untilReady('deaf', 'polite');
  const begin = performance.now();
  const [stopped] = await Promise.all([
    world.exits('nspawnctl', 'stop', 'deaf').then(code => ({ code, ms: performance.now() - begin })),
    world.exits('nspawnctl', 'stop', 'polite'),
  ]);
  assert.equal(stopped.code, 0);
  assert.ok(stopped.ms >= 2500 && stopped.ms < 30_000, `it took ${stopped.ms} ms`);
  await world.until('deaf', 'Ready', 'False', 'Stopped');
  assert.match((await world.condition('deaf', 'Running'))?.message ?? '', /timeout/);
  assert.equal(await world.exits('pgrep', '-f', 'machine=deaf'), 1);
});

test('a start-up FIFO of mode 0600 is in the guest, and writing to it makes the container Ready', async () => {
  await world.drop('tells', sleeper({ readiness: 'fifo' }));
  const starting = await world.until('tells', 'Ready', 'False', 'Starting', 60_000);
  await eventually(async () => (await world.unit('tells', 'ActiveState')) === 'active', {
    timeoutMs: 60_000,
    describe: 'the unit to be active',
  });
  const seen = await world.amongGuest('tells', ['stat', '-c', '%F %a %u', '/var/lib/startup-done']);
  assert.equal(seen, 'fifo 600 0');
  assert.equal((await world.condition('tells', 'Ready'))?.status, 'False', starting.message);
  await world.amongGuest('tells', ['sh', '-c', 'echo done > /var/lib/startup-done']);
  await world.untilReady('tells');
  const run = await world.invocation('tells');

  // It has been said once and is not asked again.
  await world.sh('systemctl', 'restart', 'nspawnd');
  await world.untilReady('tells');
  assert.equal(await world.invocation('tells'), run);
});

test('a start-up FIFO that nobody writes to times out, says so, and the container is restarted with backoff', async () => {
  await world.drop('mute', sleeper({ readiness: 'fifo', timeoutStartSec: 2 }));
  await world.untilEvent('mute', 'Failed', /nothing was written to the start-up FIFO within 2 s/);
  await eventually(async () => ((await restartsOf('mute'))[0] ?? 0) >= 1, {
    timeoutMs: 60_000,
    describe: 'mute to be restarted',
  });
});

test('an nspawn that dies while its FIFO or its notification is waited for ends the wait at once', async () => {
  await makeDeafTree();
  await world.withOptions(NO_RELIST, async () => {
    await world.drop('dies-fifo', sleeper({ readiness: 'fifo', timeoutStartSec: 3600 }));
    await world.drop('dies-mute', guest({ root: DEAF, timeoutStartSec: 3600 }));
    for (const name of ['dies-fifo', 'dies-mute']) {
      await world.until(name, 'Ready', 'False', 'Starting', 60_000);
      const pid = await eventually(async () => world.mainPid(name), { timeoutMs: 60_000 });
      await world.sh('kill', '-9', String(pid));
      await world.untilEvent(name, 'Failed', /signal KILL/);
    }
  });
});

test('a guest that never says it is ready is given up after timeoutStartSec', async () => {
  await makeDeafTree();
  await world.drop(
    'never',
    guest({ root: DEAF, timeoutStartSec: 2, timeoutStopSec: 1, restartPolicy: 'Never' }),
  );
  const failed = await world.until('never', 'Ready', 'False', 'Failed', 60_000);
  assert.match(failed.message, /timeout/);
});

/** Waits until a container is Ready in another run than the one given. */
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

async function restartsOf(...names: readonly string[]): Promise<readonly (number | undefined)[]> {
  return Promise.all(names.map(async name => (await world.get(name))?.status.restarts));
}

/** Whether systemd has ever begun with a start of it, as systemd's own message says; systemd.journal-fields(7), sd-messages.h. */
async function hasBegun(name: string): Promise<boolean> {
  await world.sh('journalctl', '--sync');
  const starting = 'MESSAGE_ID=7d4958e842da4a758f6c1cdc7b36dcc5';
  const lines = await world.sh(
    'journalctl',
    '--no-pager',
    '-qo',
    'cat',
    `UNIT=container@${name}.service`,
    starting,
  );
  return lines.trim() !== '';
}

/** The base tree by hard links, with an init that does nothing. */
async function makeDeafTree(): Promise<void> {
  const script = `
    [ -e "$1" ] && exit
    cp -al /var/lib/machines/base "$1.new"
    rm "$1.new/usr/lib/systemd/systemd"
    printf '#!/bin/sh\\nwhile :; do sleep 1; done\\n' > "$1.new/usr/lib/systemd/systemd"
    chmod 755 "$1.new/usr/lib/systemd/systemd"
    mv "$1.new" "$1"`;
  await world.sh('sh', '-ec', script, 'make-deaf-tree', DEAF);
}
