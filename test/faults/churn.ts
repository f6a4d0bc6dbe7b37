import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../model/random.ts';
import { guest, sleeper, type World } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import { type Census, findGrowth, takeCensus } from './census.ts';
import type { Fault } from './fault.ts';
import { ownNetwork, type Scene } from './scene.ts';

const SIZE = {
  sample: { containers: 6, seconds: 15, atOnce: 3, everySeconds: 15 },
  whole: { containers: 50, seconds: 1200, atOnce: 6, everySeconds: 120 },
} as const;

export const churn: Fault = {
  name: 'churn',
  title:
    'containers made, edited, stopped, started, killed and deleted at random, new names all the time: nothing grows',
  keepsMore: { heap: 16_000, memory: 100_000 },
  run: async scene => {
    const { containers, seconds, atOnce, everySeconds } = SIZE[scene.size];
    const crowd = new Crowd(scene, containers);
    await crowd.fill();
    const full = await takeCensus(scene.world, scene.probe);
    /** Of its memory the second half is judged: in the first it remembers what has changed, for watchers, up to its bound. */
    let settled = full;
    const endsAt = performance.now() + seconds * 1000;
    const isOver = () => performance.now() >= endsAt;
    const worker = async () => {
      while (!isOver()) await crowd.act();
    };
    const watcher = async () => {
      for (let next = everySeconds; next < seconds; next += everySeconds) {
        await sleep(Math.max(0, endsAt - (seconds - next) * 1000 - performance.now()));
        const now = await takeCensus(scene.world, scene.probe);
        crowd.report(full, now);
        if (next <= seconds / 2) settled = now;
      }
    };
    await Promise.all([...Array.from({ length: atOnce }, worker), watcher()]);
    await crowd.settle();
    const after = await eventually(
      async () => {
        const now = await takeCensus(scene.world, scene.probe);
        const { heap = 0, memory = 0 } = settled.counts;
        assert.deepEqual(findGrowth({ ...full, counts: { ...full.counts, heap, memory } }, now), []);
        return now;
      },
      { timeoutMs: 90_000, everyMs: 1000, describe: 'as much as when all had just been made' },
    );
    await crowd.disband();
    return `${crowd.acts} acts in ${seconds} s on ${containers}, ${crowd.names} names; heap ${full.counts.heap} -> ${settled.counts.heap} -> ${after.counts.heap} kB`;
  },
};

/** Always as many containers, though not the same ones. Each act is on one that no other act is on. */
class Crowd {
  readonly #scene: Scene;
  readonly #places: { name: string; edition: number; isBusy: boolean }[];
  readonly #random: Random;
  acts = 0;
  names = 0;

  constructor(scene: Scene, count: number) {
    this.#scene = scene;
    this.#random = new Random(scene.seed);
    this.#places = Array.from({ length: count }, () => ({ name: '', edition: 0, isBusy: false }));
  }

  async fill(): Promise<void> {
    for (const index of this.#places.keys()) await this.#make(index);
    await this.settle();
  }

  async act(): Promise<void> {
    const free = [...this.#places.entries()].filter(([, { isBusy }]) => !isBusy);
    if (free.length === 0) return;
    const [index, place] = this.#random.pick(free);
    place.isBusy = true;
    const { world } = this.#scene;
    const { name } = place;
    try {
      const dice = this.#random.below(100);
      this.acts += 1;
      if (dice < 25) await this.#replace(index);
      else if (dice < 45) await this.#edit(index);
      else if (dice < 60) await kill(world, () => world.unit(name, 'MainPID'));
      else if (dice < 70) await kill(world, () => world.leader(name));
      else if (dice < 80) await world.exits('systemctl', 'stop', `container@${name}`);
      else if (dice < 90) await world.ctl('restart', name);
      else await world.ctl('start', name);
    } finally {
      place.isBusy = false;
    }
  }

  report(before: Census, now: Census): void {
    const words = [
      'heap',
      'memory',
      'fds',
      'rules',
      'netns',
      'links',
      'units',
      'mounts',
      'runfiles',
      'processes',
    ];
    const said = words.map(word => `${word} ${before.counts[word]}->${now.counts[word]}`).join(' ');
    console.log(`       after ${this.acts} acts: ${said}`);
  }

  /** Everybody up again: what was stopped is started by hand. */
  async settle(): Promise<void> {
    const { world } = this.#scene;
    const names = this.#places.map(({ name }) => name);
    await eventually(
      async () => {
        const list = await world.list();
        const down = names.filter(name => {
          const conditions = list.find(({ metadata }) => metadata.name === name)?.status.conditions ?? [];
          return conditions.find(({ type }) => type === 'Ready')?.status !== 'True';
        });
        for (const name of down) {
          const ready = await world.condition(name, 'Ready');
          if (/Stopped|ExitedCleanly|BackOff/.test(ready?.reason ?? '')) await world.ctl('restart', name);
        }
        assert.deepEqual(down, []);
        return true;
      },
      { timeoutMs: 300_000, everyMs: 500, describe: 'all to be Ready' },
    );
  }

  async disband(): Promise<void> {
    const { world } = this.#scene;
    for (const { name } of this.#places) await world.remove(name);
    await eventually(
      async () => {
        const { held } = await world.source();
        if (held !== null) await world.ctl('prune', '--confirm', held.hash);
        const left = (await world.list()).filter(({ metadata }) => metadata.name.startsWith('crowd-'));
        assert.equal(left.length, 0);
        return true;
      },
      { timeoutMs: 180_000, everyMs: 200, describe: 'the crowd to be gone' },
    );
  }

  async #make(index: number): Promise<void> {
    const place = this.#places[index];
    if (place === undefined) return;
    this.names += 1;
    place.name = `crowd-${this.names}`;
    place.edition = 0;
    await this.#scene.world.drop(place.name, this.#spec(index, 0));
  }

  async #replace(index: number): Promise<void> {
    const { world } = this.#scene;
    const { name } = this.#places[index] ?? { name: '' };
    await world.remove(name);
    await eventually(
      async () => {
        const { held } = await world.source();
        if (held !== null) await world.ctl('prune', '--confirm', held.hash);
        return (await world.get(name)) === null;
      },
      { timeoutMs: 180_000, describe: `${name} to be gone` },
    );
    await this.#make(index);
  }

  async #edit(index: number): Promise<void> {
    const place = this.#places[index];
    if (place === undefined) return;
    place.edition += 1;
    await this.#scene.world.drop(place.name, this.#spec(index, place.edition));
  }

  /** Every tenth boots a whole system; half have a network, whose address is changed by an edit; all are small. */
  #spec(index: number, edition: number): Readonly<Record<string, unknown>> {
    const network = index % 2 === 0 ? ownNetwork(100 + index) : {};
    const isLive = edition % 2 === 1;
    const more = {
      ...network,
      ...(isLive && index % 2 === 0 ? { localAddress: `10.231.${100 + index}.${3 + (edition % 200)}` } : {}),
      environment: { EDITION: String(isLive ? edition - 1 : edition) },
      timeoutStopSec: 20,
    };
    return index % 10 === 0 ? guest(more) : sleeper(more);
  }
}

/** What is not there any more cannot be killed, and need not be. */
async function kill(world: World, find: () => Promise<string>): Promise<void> {
  const pid = await find().catch(() => '0');
  if (Number(pid) > 1) await world.sh('kill', '-9', pid).catch(() => undefined);
}
