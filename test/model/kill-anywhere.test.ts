import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { World } from './world.ts';

/**
 * nspawnd is killed at every point of a piece of work: between any two steps, and inside a step between any two changes
 * it makes. A new one on the same host has to bring it to the same fixpoint as if nothing had happened: one container
 * per manifest, nothing of ours without one.
 */
const NETWORK = {
  privateNetwork: true,
  hostAddress: '10.0.0.1',
  localAddress: '10.0.0.2',
  readiness: 'fifo',
};

const DEVICES = { ...NETWORK, macvlans: ['eth1'], interfaces: ['eth2'] };

function withDevices(world: World): void {
  world.host.plugIn('eth1');
  world.host.plugIn('eth2');
  world.manifests.put('web', DEVICES);
}

interface Work {
  /** What was there before; nspawnd is at rest with it. */
  readonly prepare?: (world: World) => void;
  /** What is to be done, by a controller that may be killed while it is at it. */
  readonly happens: (world: World) => Promise<void> | void;
  /** How long the fixpoint may take in the host's time: a counted failure waits for its backoff. */
  readonly maxMs?: number;
  /** What has to be true in the end. */
  readonly proves?: (world: World) => void;
  /** What the kill may leave behind in the records: a try that was not made counts as a failed one. */
  readonly mayCountOneMore?: boolean;
}

interface Fixpoint {
  readonly print: string;
  readonly points: number;
  readonly story: string;
}

async function run(work: Work, killAt: number | null): Promise<Fixpoint> {
  const world = new World();
  try {
    return await runIn(world, work, killAt);
  } finally {
    world.killController();
  }
}

async function runIn(world: World, work: Work, killAt: number | null): Promise<Fixpoint> {
  work.prepare?.(world);
  await world.startController();
  await world.settle(10_000);
  // Another one, with the point at which it ends; it finds everything as it should be.
  world.killController();
  await world.startController(killAt);
  const before = world.port.points;
  assert.equal(before, 0, 'at rest there is nothing to do');
  await work.happens(world);
  await world.settle(work.maxMs ?? 3000);
  const { points, isKilled } = world.port;
  if (killAt !== null) {
    assert.ok(isKilled, 'the point was reached');
    await world.restartController();
    await world.settle(work.maxMs ?? 3000);
  }
  world.assertAtRest();
  work.proves?.(world);
  const story = world.ports.map(port => port.trace.join('\n')).join('\n(killed)\n');
  return { print: world.print(), points, story };
}

const WORKS: Readonly<Record<string, Work>> = {
  'a launch': { happens: world => void world.manifests.put('web', NETWORK), mayCountOneMore: true },
  'a launch without a network': {
    happens: world => void world.manifests.put('web', {}),
    mayCountOneMore: true,
  },
  'a removal': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: world => world.manifests.remove('web'),
  },
  'an edit that takes a restart': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: world => void world.manifests.put('web', { ...NETWORK, environment: { A: '1' } }),
    mayCountOneMore: true,
  },
  'an edit of an address': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: world => void world.manifests.put('web', { ...NETWORK, localAddress: '10.0.0.9' }),
  },
  'a crash and what follows': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: world => world.host.guestPanics('web'),
    maxMs: 10_000,
    mayCountOneMore: true,
  },
  'a reboot': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: world => world.host.guestReboots('web'),
    maxMs: 10_000,
    mayCountOneMore: true,
  },
  'an edit that does not work': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: world => {
      world.host.doomed.add('broken');
      world.manifests.put('web', { ...NETWORK, environment: { A: 'broken' } });
    },
    proves: world => {
      const revisions = world.manifests.revisions('web') ?? [];
      const inForce = revisions.filter(({ isInForce }) => isInForce).map(({ revision }) => revision);
      assert.deepEqual(
        [inForce, revisions.length],
        [[1], 2],
        'the one before is in force, and neither is lost',
      );
      assert.ok(revisions[1]?.rejected, 'what was tried in vain is remembered');
    },
    maxMs: 20_000,
    mayCountOneMore: true,
  },
  'a deleted namespace': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: world => world.host.deleteNamespace('web'),
  },
  'a request to stop': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: async world => void (await world.controller.request('web', 'stop')),
  },
  'a request to terminate': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: async world => void (await world.controller.request('web', 'terminate')),
  },
  'a request to stop what backs off': {
    prepare: world => void world.manifests.put('web', { ...NETWORK, command: ['/bin/false'] }),
    happens: async world => {
      world.host.guestPanics('web');
      await world.controller.request('web', 'stop');
    },
  },
  'a request to restart': {
    prepare: world => void world.manifests.put('web', NETWORK),
    happens: async world => void (await world.controller.request('web', 'restart')),
    mayCountOneMore: true,
  },
  'a request to start': {
    prepare: world => void world.manifests.put('web', { ...NETWORK, readiness: 'notify', autoStart: false }),
    happens: async world => void (await world.controller.request('web', 'start')),
    mayCountOneMore: true,
  },
  'a launch with macvlans and an interface of the host': {
    prepare: world => {
      world.host.plugIn('eth1');
      world.host.plugIn('eth2');
    },
    happens: world => void world.manifests.put('web', DEVICES),
    mayCountOneMore: true,
  },
  'a crash of a guest that has an interface of the host': {
    prepare: withDevices,
    happens: world => world.host.guestPanics('web'),
    maxMs: 10_000,
    mayCountOneMore: true,
  },
  'a stop that gives an interface back': {
    prepare: withDevices,
    happens: async world => void (await world.controller.request('web', 'stop')),
  },
  'an edit that takes an interface away': {
    prepare: withDevices,
    happens: world => void world.manifests.put('web', { ...DEVICES, interfaces: [] }),
    mayCountOneMore: true,
  },
  'a removal of what has an interface of the host': {
    prepare: withDevices,
    happens: world => world.manifests.remove('web'),
  },
  'a launch from a path': {
    happens: world => void world.manifests.put('web', { ...NETWORK, path: '/nix/store/a' }),
    mayCountOneMore: true,
  },
  'a build and what follows': {
    prepare: world => void world.manifests.put('web', { ...NETWORK, flake: '/etc/nixos' }),
    happens: world => void world.manifests.put('web', { ...NETWORK, config: '{ }' }),
  },
  'a new system that takes a restart': {
    prepare: world => void world.manifests.put('web', { path: '/nix/store/a', update: 'restart' }),
    happens: world => void world.manifests.put('web', { path: '/nix/store/b', update: 'restart' }),
    mayCountOneMore: true,
  },
  'an update': {
    prepare: world => void world.manifests.put('web', { flake: '/etc/nixos' }),
    happens: async world => void (await world.controller.update('web', { mode: 'build' })),
  },
  'a rollback': {
    prepare: world => {
      world.manifests.put('web', { path: '/nix/store/a' });
      world.host.nix.setProfile('web', '/nix/store/b');
    },
    happens: async world => void (await world.controller.update('web', { mode: 'rollback', to: 1 })),
  },
  'a removal of what Nix made': {
    prepare: world => void world.manifests.put('web', { flake: '/etc/nixos' }),
    happens: world => world.manifests.remove('web'),
  },
  'three at once': {
    prepare: world => {
      world.manifests.put('old', NETWORK);
      world.manifests.put('edited', { environment: { A: '1' } });
    },
    happens: world => {
      world.manifests.remove('old');
      world.manifests.put('edited', { environment: { A: '2' } });
      world.manifests.put('fresh', { privateNetwork: true, localAddress: '10.0.0.3' });
    },
    mayCountOneMore: true,
  },
};

describe('nspawnd killed at every point of', () => {
  for (const [name, work] of Object.entries(WORKS)) {
    test(name, async () => {
      const whole = await run(work, null);
      assert.ok(whole.points > 0, 'there is something to do');
      const normal = (text: string) => (work.mayCountOneMore ? text.replaceAll(/, \d failures/g, '') : text);
      for (let killAt = 0; killAt < whole.points; killAt++) {
        const { print, story } = await run(work, killAt);
        assert.equal(normal(print), normal(whole.print), `killed at point ${killAt}\n${story}`);
      }
    });
  }
});
