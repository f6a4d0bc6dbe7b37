import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from './random.ts';
import { World } from './world.ts';

/**
 * Anything, in any order: manifests dropped, edited and deleted, guests that crash, power off and reboot, people with
 * systemctl, ip and kill, nspawnd killed at any point, lost signals. At the end everything is left to come to rest, and has
 * to be as the manifests say; then all manifests go, and nothing of ours is left.
 *
 * A failure is a seed: NSPAWND_SEED=7 npm run check (or node --import tsx --test test/model/random.test.ts) replays it,
 * NSPAWND_SEEDS=1000 looks at many.
 */
const NAMES = ['web', 'db', 'app'];
const STEPS = 40;
const seeds =
  process.env.NSPAWND_SEED === undefined
    ? Array.from({ length: Number(process.env.NSPAWND_SEEDS ?? 40) }, (_, index) => index + 1)
    : [Number(process.env.NSPAWND_SEED)];

type Action = (world: World, name: string, random: Random) => Promise<void> | void;

const ACTIONS: Readonly<Record<string, Action>> = {
  drop: (world, name, random) => void world.manifests.put(name, specOf(name, random)),
  edit: (world, name, random) => void world.manifests.put(name, specOf(name, random)),
  remove: (world, name) => {
    if (world.manifests.desired(name).state !== 'absent') world.manifests.remove(name);
  },
  break: (world, name) => {
    if (world.manifests.desired(name).state === 'present') world.manifests.breakFile(name);
  },
  panic: (world, name) => world.host.guestPanics(name),
  reboot: (world, name) => world.host.guestReboots(name),
  'power off': (world, name) => world.host.guestPowersOff(name),
  'kill nspawn': (world, name) => world.host.killNspawn(name),
  'systemctl start': (world, name) => world.host.systemctlStart(name),
  'systemctl stop': (world, name) => world.host.systemctlStop(name),
  'nspawnctl stop': async (world, name) => void (await world.controller.request(name, 'stop')),
  'nspawnctl terminate': async (world, name) => void (await world.controller.request(name, 'terminate')),
  'nspawnctl start': async (world, name) => void (await world.controller.request(name, 'start')),
  'nspawnctl restart': async (world, name) => void (await world.controller.request(name, 'restart')),
  'a path leads elsewhere': (world, name, random) =>
    void world.host.nix.paths.set(`/srv/${name}`, random.pick(['/nix/store/a', '/nix/store/b', null])),
  'nspawnctl update': async (world, name, random) =>
    void (await world.controller.update(name, { mode: random.pick(['build', 'switch']) })),
  'nspawnctl rollback': async (world, name) =>
    void (await world.controller.update(name, { mode: 'rollback', to: null })),
  'switches fail or not': (world, name) => {
    if (!world.host.nix.stubborn.delete(name)) world.host.nix.stubborn.add(name);
  },
  'builds fail or not': (world, _name, random) => {
    world.host.nix.buildFailure = random.pick([
      null,
      null,
      { cause: 'failed', isPassing: random.chance(0.5) },
    ]);
  },
  'delete the link': (world, name) => world.host.deleteLink(name),
  'delete the namespace': (world, name) => world.host.deleteNamespace(name),
  'flush the addresses': (world, name) => world.host.flushAddresses(name),
  'plug in an interface': (world, _name, random) => world.host.plugIn(random.pick(['eth1', 'eth2'])),
  'unplug an interface': (world, _name, random) => world.host.unplug(random.pick(['eth1', 'eth2'])),
  'empty the hosts file': world => world.host.emptyHostsFile(),
  'systemctl daemon-reload': world => world.host.daemonReload(),
  'restart machined': world => world.host.restartMachined(),
  'machined forgets a guest': (world, name) => world.host.forgetMachine(name),
  'leak registrations or not': world => {
    world.host.leaksRegistrations = !world.host.leaksRegistrations;
  },
  'lose signals or not': world => {
    world.host.losesSignals = !world.host.losesSignals;
  },
  'something comes to its end': (world, _name, random) => void world.host.progress(random.below(9)),
  'time passes': (world, _name, random) => world.pass(random.below(5000)),
  'nspawnd works': world => world.work(),
  'nspawnd looks': world => world.look(),
  'nspawnd is killed, and started': async world => {
    world.killController();
    await world.startController();
  },
  'nspawnd is killed at a point, and started': async (world, name, random) => {
    world.killController();
    await world.startController(random.below(12));
    world.manifests.put(name, specOf(name, random));
    await world.look();
    world.killController();
    await world.startController();
  },
};

function specOf(name: string, random: Random): Record<string, boolean | number | string | string[]> {
  const number = NAMES.indexOf(name) + 2;
  return {
    ...(random.chance(0.6)
      ? { privateNetwork: true, hostAddress: '10.0.0.1', localAddress: `10.0.${random.below(2)}.${number}` }
      : {}),
    ...(random.chance(0.2) ? { macvlans: ['eth1'] } : {}),
    // Two manifests may not have one interface: admission sees to that.
    ...(name === 'web' && random.chance(0.3) ? { interfaces: ['eth2'] } : {}),
    ...(random.chance(0.2) ? { autoStart: false } : {}),
    // Never in a circle: admission sees to that.
    ...(random.chance(0.3) ? { dependsOn: NAMES.slice(number - 1) } : {}),
    ...(random.chance(0.2) ? { priority: random.below(3) } : {}),
    ...(random.chance(0.2) ? { restartIfChanged: false } : {}),
    ...(random.chance(0.4)
      ? random.pick([{ path: `/srv/${name}` }, { flake: '/etc/nixos' }, { config: `{ ${random.below(3)} }` }])
      : {}),
    ...(random.chance(0.3) ? { readiness: 'fifo' } : {}),
    ...(random.chance(0.3) ? { volatile: random.pick(['state', 'overlay']) } : {}),
    ...(random.chance(0.3) ? { restartPolicy: random.pick(['Always', 'Never']) } : {}),
  };
}

async function live(world: World, random: Random, story: string[]): Promise<void> {
  await world.startController();
  for (let step = 0; step < STEPS; step++) {
    const what = random.pick(Object.keys(ACTIONS));
    const name = random.pick(NAMES);
    story.push(`${what} (${name})`);
    await ACTIONS[what]?.(world, name, random);
    if (random.chance(0.4)) await world.work();
  }
  world.host.losesSignals = false;
  world.host.leaksRegistrations = false;
  await world.settle(400_000);
  world.assertAtRest();
  story.push('every manifest goes');
  for (const name of NAMES) world.manifests.remove(name);
  await world.settle(400_000);
  world.assertAtRest();
  const left = world.print().replaceAll(/^interface eth\d on the host\n/gm, '');
  assert.equal(left, '', 'nothing of ours is left, and what the host has it has');
}

for (const seed of seeds) {
  test(`any life ends at rest (seed ${seed})`, async () => {
    const world = new World();
    const story: string[] = [];
    try {
      await live(world, new Random(seed), story);
    } catch (error) {
      throw new Error(`NSPAWND_SEED=${seed}\n${story.join('\n')}`, { cause: error });
    } finally {
      world.killController();
    }
  });
}
