import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from '../testbed/eventually.ts';
import { guest, sleeper, useWorld } from './world.ts';

const world = useWorld();
const SETTINGS = '/etc/nspawnd/nspawnd.yaml';

/** A guest whose boot is over only when it is told: a file of its own that a person makes. */
const HANGS = {
  command: [
    '/bin/sh',
    '-c',
    'while ! [ -e /gate/open ]; do sleep 0.1; done; echo > /var/lib/startup-done; exec sleep infinity',
  ],
  readiness: 'fifo',
  extraFlags: ['--bind=/srv/gate:/gate'],
};

test('a host that really reboots has all of its containers Ready again: each after what it depends on, and one that fails delays nobody', async () => {
  await world.drop('front', guest({ dependsOn: ['db', 'cache'], priority: 9 }));
  await world.drop('db', guest({ dependsOn: ['disk'] }));
  await world.drop('cache', sleeper({ dependsOn: ['db'] }));
  await world.drop('disk', guest());
  await world.drop('fails', guest({ command: ['/bin/false'], readiness: 'fifo', priority: 99 }));
  await world.drop('orphan', sleeper({ dependsOn: ['fails'] }));
  await world.drop('by-hand', sleeper({ autoStart: false }));
  await world.drop('was-stopped', sleeper());
  const all = ['front', 'db', 'cache', 'disk', 'was-stopped'];
  await world.untilReady(...all);
  await expectOrder('disk', 'db', 'cache', 'front');
  assert.equal((await world.ctl('stop', 'was-stopped')).exitCode, 0);

  await world.host.reboot();
  await world.untilReady(...all);
  await expectOrder('disk', 'db', 'cache', 'front');
  for (const name of ['orphan', 'by-hand']) assert.equal(await world.unit(name, 'ActiveState'), 'inactive');
  const orphan = await world.until('orphan', 'Reconciling', 'True', 'DependencyNotReady');
  assert.match(orphan.message, /^waits until fails is Ready: /);
  await world.until('orphan', 'Ready', 'False', 'DependencyNotReady');
  const { stdout } = await world.ctl('describe', 'orphan');
  assert.match(stdout, /nspawnctl describe fails/);
});

test('one that depends on another starts as soon as that is Ready, and runs on whatever becomes of it', async () => {
  await world.drop('late', sleeper({ dependsOn: ['first'] }));
  const waiting = await world.until('late', 'Ready', 'False', 'DependencyNotReady');
  assert.equal(waiting.message, 'waits until first is Ready: there is no such container');
  await world.drop('first', sleeper());
  await world.untilReady('late', 'first');
  const lateMs = (await activeAtMs('late')) - (await activeAtMs('first'));
  assert.ok(lateMs >= 0 && lateMs < 10_000, `${lateMs} ms: a signal, and no re-list, woke it`);
  const run = await world.invocation('late');
  assert.equal((await world.ctl('stop', 'first')).exitCode, 0);
  assert.equal((await world.ctl('restart', 'first')).exitCode, 0);
  assert.equal(await world.invocation('late'), run);
});

test('names that lead in a circle are refused, with the way round', async () => {
  await world.drop('circle-a', sleeper({ dependsOn: ['circle-b'] }));
  await world.until('circle-a', 'Ready', 'False', 'DependencyNotReady');
  await world.drop('circle-b', sleeper({ dependsOn: ['circle-a'] }));
  const { message } = await world.until('circle-b', 'ManifestValid', 'False', 'Invalid');
  assert.match(
    message,
    /circle-b\.yaml:\d+:\d+: spec\.dependsOn\[0\]: "circle-b" would wait for itself: circle-b -> circle-a \(/,
  );
  await world.drop('circle-b', sleeper());
  await world.untilReady('circle-a', 'circle-b');
});

test('no more boot at once than may, the higher priority first; a person does not wait, and what hangs holds nobody up for long', async () => {
  await world.sh('systemctl', 'stop', 'nspawnd');
  await world.host.writeFile(SETTINGS, 'maxConcurrentBoots: 2\n');
  await world.sh('mkdir', '-p', '/srv/gate');
  try {
    const names = ['slot-0', 'slot-1', 'slot-2', 'slot-3', 'slot-4'];
    for (const [index, name] of names.entries())
      await world.drop(name, sleeper({ ...HANGS, priority: index }));
    await world.drop('asked', sleeper({ autoStart: false }));
    await world.sh('systemctl', 'start', 'nspawnd');
    await world.until('slot-0', 'Ready', 'False', 'BootSlot');
    await eventually(async () => isDeepStrictEqual(await running(names), ['slot-3', 'slot-4']), {
      timeoutMs: 8_000,
      describe: 'the two of the highest priority to boot',
    });
    assert.equal((await world.ctl('start', 'asked')).exitCode, 0, 'a person is not kept waiting');

    // Nothing is known of how long boots take here, or very little: the two are given up after at most ten seconds.
    await eventually(async () => (await running(names)).includes('slot-1'), {
      timeoutMs: 40_000,
      describe: 'the others to boot beside those that hang',
    });
    await world.sh('touch', '/srv/gate/open');
    await world.untilReady(...names);
    const order = await Promise.all(names.map(async name => ({ name, at: await startedAtMs(name) })));
    const first = Math.max(...order.slice(3).map(({ at }) => at));
    assert.ok(
      order.slice(0, 3).every(({ at }) => at > first),
      JSON.stringify(order),
    );
  } finally {
    await world.host.rm(SETTINGS);
    await world.sh('systemctl', 'restart', 'nspawnd');
  }
});

test('a host that goes down stops its guests cleanly and side by side, within a bound, and nothing is started meanwhile', async () => {
  const names = ['down-0', 'down-1', 'down-2', 'down-3'];
  for (const name of names)
    await world.drop(
      name,
      guest({
        volatile: 'no',
        ephemeral: true,
        extraFlags: [`--bind=/srv/last-words:/srv`],
      }),
    );
  await world.sh('mkdir', '-p', '/srv/last-words');
  await world.untilReady(...names);
  for (const name of names) await world.inGuest(name, ['sh', '-ec', SLOW_STOP.replaceAll('NAME', name)]);
  const startedAt = Date.now();
  await world.host.reboot();
  const tookMs = Date.now() - startedAt;
  const words = await world.sh('sh', '-c', 'cat /srv/last-words/*');
  const ends = names.map(name => {
    const [, from = '', to = ''] = new RegExp(`^${name} (\\d+) (\\d+)$`, 'm').exec(words) ?? [];
    assert.notEqual(to, '', `${name} ended its service:\n${words}`);
    return { from: Number(from), to: Number(to) };
  });
  const together = Math.min(...ends.map(({ to }) => to)) - Math.max(...ends.map(({ from }) => from));
  assert.ok(together > 0, `side by side: ${JSON.stringify(ends)}`);
  assert.ok(tookMs < 60_000, `${tookMs} ms`);
  await world.untilReady(...names);
  const before = await world.sh('journalctl', '--no-pager', '-b', '-1', '-o', 'cat', '-u', 'nspawnd');
  const stop = before.lastIndexOf('nspawnd stops');
  assert.doesNotMatch(before.slice(stop), /"launch /, 'nothing is launched while the host goes down');
  await world.sh('rm', '-r', '/srv/last-words');
});

/** A service of the guest that takes three seconds to stop, and says when. */
const SLOW_STOP = `
  cat > /run/systemd/system/slow.service <<'UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'from=$(date +%%s%%N); sleep 3; echo NAME $from $(date +%%s%%N) > /srv/NAME'
UNIT
  systemctl start slow`;

/** Each came up after the one before it. */
async function expectOrder(...names: readonly string[]): Promise<void> {
  const times = await Promise.all(
    names.map(async name => [name, await startedAtMs(name), await activeAtMs(name)] as const),
  );
  for (const [index, [name, startedAt]] of times.entries()) {
    const [earlier, , activeAt] = times[index - 1] ?? ['', 0, 0];
    assert.ok(startedAt >= activeAt, `${name} began at ${startedAt}, ${earlier} was up at ${activeAt}`);
  }
}

/** Since the host's boot, by the clock that nobody sets. */
async function activeAtMs(name: string): Promise<number> {
  return Number(await world.unit(name, 'ActiveEnterTimestampMonotonic')) / 1000;
}

async function startedAtMs(name: string): Promise<number> {
  return Number(await world.unit(name, 'InactiveExitTimestampMonotonic')) / 1000;
}

async function running(names: readonly string[]): Promise<readonly string[]> {
  const pids = await Promise.all(names.map(name => world.mainPid(name)));
  return names.filter((_, index) => pids[index] !== 0);
}
