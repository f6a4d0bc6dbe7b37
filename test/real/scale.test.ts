import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '../../src/api/condition.ts';
import { eventually } from '../testbed/eventually.ts';
import { guest, sleeper, useWorld } from './world.ts';

const world = useWorld();
const COUNT = 50;
const LIMIT = '/proc/sys/fs/inotify/max_user_instances';

test('fifty manifests at once: fifty booted guests, each with its network; removed at once, nothing of them is left', async () => {
  const names = Array.from({ length: COUNT }, (_, index) => `many-${index}`);
  const before = await lookForLeaks();
  const descriptors = await countDescriptors();
  await Promise.all(
    names.map((name, index) =>
      world.drop(
        name,
        guest({ privateNetwork: true, hostAddress: '10.231.136.1', localAddress: `10.231.137.${index + 1}` }),
      ),
    ),
  );
  await untilAllReady(names);
  const machines = await world.sh('machinectl', 'list', '--no-legend');
  assert.equal(machines.match(/^many-\d+ /gm)?.length, COUNT);
  assert.equal((await world.sh('ip', 'netns', 'list')).match(/^many-/gm)?.length, COUNT);
  // One packet for each, all side by side.
  await world
    .sh(
      'sh',
      '-c',
      `for n in $(seq 1 ${COUNT}); do ping -q -c1 -W20 10.231.137.$n > /dev/null || echo 10.231.137.$n is silent & done; wait`,
    )
    .then(silent => assert.equal(silent, ''));
  const restarts = (await world.list()).map(({ status }) => status.restarts);
  assert.deepEqual([...new Set(restarts)], [0], 'none needed a second try');

  await world.sh('sh', '-c', 'rm /etc/nspawnd/manifests/*.yaml');
  const held = await eventually(async () => (await world.source()).held, {
    timeoutMs: 60_000,
    describe: 'so many deletions to be held',
  });
  assert.equal(held.names.length, COUNT);
  assert.equal((await world.ctl('prune', '--confirm', held.hash)).exitCode, 0);
  await eventually(
    async () => {
      assert.deepEqual(
        (await world.list()).map(({ metadata }) => metadata.name),
        [],
      );
      assert.equal(await lookForLeaks(), before);
      return true;
    },
    { timeoutMs: 180_000, everyMs: 200, describe: 'nothing of fifty containers to be left' },
  );
  assert.ok((await countDescriptors()) <= descriptors + 5, 'nspawnd has closed what it opened');
});

test('an inotify limit that is too low is raised when nspawnd starts, and a high one is left alone', async () => {
  for (const [found, then] of [
    ['128', '8192'],
    ['100000', '100000'],
  ] as const) {
    await withLimit(found, 'writable', async readLimit => {
      await world.sh('systemctl', 'restart', 'nspawnd');
      await eventually(async () => (await world.list()).length === 0, { timeoutMs: 60_000 });
      assert.equal(await readLimit(), then);
    });
  }
});

test('where the limit cannot be raised, launches beyond it wait and name it, instead of hanging; they go on as soon as there is room', async () => {
  // 16 for the host and 7 for each of two guests.
  await withLimit('30', 'read-only', async (readLimit, setLimit) => {
    await world.sh('systemctl', 'restart', 'nspawnd');
    const names = ['place-1', 'place-2', 'place-3', 'place-4'];
    await Promise.all(names.map(name => world.drop(name, sleeper())));
    const waiting = await untilSomeWait(names, 2);
    assert.equal(await readLimit(), '30');
    for (const name of waiting) {
      const hostReady = await world.until(name, 'HostReady', 'False', 'InotifyInstances');
      assert.match(hostReady.message, /fs\.inotify\.max_user_instances is 30, enough for about 2 guests/);
      assert.match(hostReady.message, /sysctl -w fs\.inotify\.max_user_instances=8192/);
      await world.until(name, 'Ready', 'False', 'InotifyInstances');
      assert.equal(await world.mainPid(name), 0);
      assert.match((await world.ctl('describe', name)).stdout, /InotifyInstances/);
    }
    const running = names.filter(name => !waiting.includes(name));
    await world.untilReady(...running);
    const run = await world.invocation(running[0] ?? '');

    await world.remove(running[1] ?? '');
    await world.untilGone(running[1] ?? '');
    const stillWaiting = await untilSomeWait(waiting, 1);

    await setLimit('8192');
    await world.untilReady(...waiting);
    for (const name of stillWaiting) assert.equal(await world.condition(name, 'HostReady'), undefined);
    assert.equal(await world.invocation(running[0] ?? ''), run);
  });
});

async function untilAllReady(names: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const notReady = (await world.list())
        .filter(({ status }) => findCondition(status.conditions, 'Ready')?.status === 'True')
        .reduce((left, { metadata }) => left.filter(name => name !== metadata.name), names);
      assert.deepEqual(notReady, []);
      return true;
    },
    { timeoutMs: 240_000, everyMs: 200, describe: `${names.length} containers to be Ready` },
  );
}

/** Which of the containers wait for room, once exactly so many do and the others are Ready. */
function untilSomeWait(names: readonly string[], count: number): Promise<readonly string[]> {
  return eventually(
    async () => {
      const containers = (await world.list()).filter(({ metadata }) => names.includes(metadata.name));
      const withReady = (is: 'True' | 'False') =>
        containers.filter(({ status }) => findCondition(status.conditions, 'Ready')?.status === is);
      const waiting = withReady('False').filter(
        ({ status }) => findCondition(status.conditions, 'HostReady')?.reason === 'InotifyInstances',
      );
      assert.equal(waiting.length, count);
      assert.equal(withReady('True').length, names.length - count);
      return waiting.map(({ metadata }) => metadata.name);
    },
    { timeoutMs: 60_000, describe: `${count} of ${names.length} to wait for room` },
  );
}

/** The limit is the kernel's, one for the whole machine: this host is shown a file in its place. */
async function withLimit(
  limit: string,
  access: 'writable' | 'read-only',
  look: (read: () => Promise<string>, set: (limit: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const file = '/run/shown-limit';
  const set = (text: string) => world.host.writeFile(file, `${text}\n`, { inPlace: true });
  await set(limit);
  await world.sh('mount', '--bind', file, LIMIT);
  if (access === 'read-only') await world.sh('mount', '-o', 'remount,bind,ro', LIMIT);
  try {
    await look(async () => (await world.host.readFile(file)).trim(), set);
  } finally {
    // Lazily: nspawnd or a guest may be reading it at this moment.
    await world.sh('umount', '--lazy', LIMIT);
  }
}

/** Everything on the host that a container might leave behind, as text. */
function lookForLeaks(): Promise<string> {
  return world.sh('sh', '-c', LOOK);
}

const LOOK = `
  echo "namespaces: $(ip netns list)"; ls /run/netns 2> /dev/null
  echo "links: $(ip -o link | wc -l)"; ip route; ip -6 route | grep -v fe80
  echo "units: $(systemctl list-units --all --plain --no-legend 'container@*')"
  ls /run/systemd/system /run/systemd/machines
  echo "elements:"; nft list table inet nspawnd
  echo "files:"; find /run/nspawnd /var/lib/nspawnd/accepted ! -type d | sort
  echo "mounts:"; grep -c -e ' /run/systemd/nspawn/' -e ' /run/netns/' /proc/self/mounts
  echo "groups:"; ls -d /sys/fs/cgroup/machine.slice/container* 2> /dev/null
  echo "processes:"; ps -eo comm= | grep -e nspawn -e '^ip$' -e '^sleep$' -e '^flock$' | sort
  cat /etc/hosts
  ls -A /var/lib/machines`;

async function countDescriptors(): Promise<number> {
  const pid = await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd');
  return Number(await world.sh('sh', '-c', `ls /proc/${pid}/fd | wc -l`));
}
