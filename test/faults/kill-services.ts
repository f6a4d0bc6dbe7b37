import assert from 'node:assert/strict';
import { sleeper, type World } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import type { Fault } from './fault.ts';
import { ownNetwork, type Scene } from './scene.ts';

export const killMachined: Fault = {
  name: 'kill-machined',
  title:
    'systemd-machined killed again and again while containers come and go: all come, all go, and none is taken for another',
  run: scene => killWhile(scene, KILL_MACHINED),
};

/** Started so often, it would be refused a start, and with it the socket that newer versions have, unless systemd forgets. */
const KILL_MACHINED =
  'systemctl reset-failed systemd-machined.socket systemd-machined 2> /dev/null; systemctl kill -s KILL systemd-machined || systemctl start systemd-machined';

export const killBus: Fault = {
  name: 'kill-bus',
  title:
    'the message bus killed again and again while containers come and go: nspawnd is the same process, and all is done',
  run: async scene => {
    const { world } = scene;
    const before = await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd');
    const figures = await killWhile(scene, RESTART_BUS);
    assert.equal(await world.sh('systemctl', 'show', '-P', 'MainPID', 'nspawnd'), before, 'the same nspawnd');
    return figures;
  },
};

/** Its word that it has started comes when nobody may be there to say which run it is. */
const FIFO = {
  readiness: 'fifo',
  command: ['/bin/sh', '-c', 'echo started > /var/lib/startup-done; exec sleep infinity'],
};

/**
 * Nobody starts it again but we, and what is started so often, machined and logind with it, is refused by systemd unless that
 * forgets. A bus that does not come up is given up and tried anew: it waits for the end of a logind that waits for an answer of
 * the bus, where that was killed while it was asked, and logind would be killed only after a minute and a half.
 */
const KILL_BUS =
  'systemctl kill -s KILL dbus; systemctl reset-failed dbus.socket dbus systemd-machined systemd-logind';
const RESTART_BUS = `${KILL_BUS}; until timeout 10 systemctl restart dbus.socket dbus; do systemctl kill -s KILL systemd-logind; ${KILL_BUS}; done 2> /dev/null`;

const ROUNDS = { sample: 2, whole: 20 } as const;
/** A pause of another length each time, so that the service dies at another point of what goes on. */
const PAUSES_MS = [0, 150, 400, 50, 250, 700];

async function killWhile(scene: Scene, kill: string): Promise<string> {
  const { world, size } = scene;
  let count = 0;
  for (let round = 0; round < ROUNDS[size]; round++) {
    const names = [1, 2, 3].map(index => `guest-${round}-${index}`);
    const kills = inItsTime(
      world,
      `for pause in ${[0, 1, 2].map(index => (PAUSES_MS[(round + index) % PAUSES_MS.length] ?? 0) / 1000).join(' ')}; do sleep $pause; ${kill}; done`,
    );
    await Promise.all(
      names.map((name, index) =>
        world.drop(name, sleeper({ ...ownNetwork(200 + index), ...(index === 0 ? FIFO : {}) })),
      ),
    );
    await kills;
    count += 3;
    await world.untilReady(...names);
    await isRegistered(scene, names);
    const removal = inItsTime(world, `sleep 0.${(round * 7) % 10}; ${kill}`);
    for (const name of names) await world.remove(name);
    await removal;
    count += 1;
    for (const name of names) await world.untilGone(name);
  }
  await scene.untouched();
  return `${count} kills, ${ROUNDS[size] * 3} containers`;
}

/** A bus that systemd waits for, and that waits for systemd, may take a minute to come back. */
async function inItsTime(world: World, script: string): Promise<void> {
  await world.host.exec(['bash', '-c', script], { timeoutMs: 300_000 });
}

/** machined has its own memory of each on disk, which its next instance reads. */
async function isRegistered({ world }: Scene, names: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const machines = await world.sh('machinectl', 'list', '--no-legend');
      for (const name of names) assert.match(machines, new RegExp(`^${name} `, 'm'));
      return true;
    },
    { timeoutMs: 60_000, describe: 'machined to know them all' },
  );
}
