import assert from 'node:assert/strict';
import type { World } from '../real/world.ts';
import { eventually } from '../testbed/eventually.ts';
import { type Census, censusText, findGrowth, takeCensus } from './census.ts';
import { Probe } from './probe.ts';
import { FOREIGN, populate, type Scene, type Size, type Standing, standing } from './scene.ts';

export interface Fault {
  /** A word to choose it by. */
  readonly name: string;
  /** What happens, and what holds nevertheless, as a sentence. */
  readonly title: string;
  /**
   * Brings it about and takes it back; returns its figures ("48 kills"). What was there before is judged afterwards. Before the
   * inhabitants come and after they have gone there is time to prepare the host, in `around`.
   */
  run(scene: Scene): Promise<string>;
  /** What nspawnd may hold more of afterwards than after another fault, because it remembers what has changed, up to a bound. */
  readonly keepsMore?: Readonly<Record<string, number>>;
  readonly around?: (world: World, body: () => Promise<void>) => Promise<void>;
}

export interface Verdict {
  readonly figures: string;
  readonly counts: string;
  readonly seconds: number;
}

/** A host that faults are done to, one after the other. */
export class FaultHost {
  readonly #world: World;
  readonly #probe: Probe;
  /** A fault has begun, and is not known to have held: it may have left whatever it made. */
  #isLittered = false;

  constructor(world: World) {
    this.#world = world;
    this.#probe = new Probe(world);
  }

  /** Once, before the first: everything that is loaded or made with the first container is there afterwards. */
  async prepare(): Promise<void> {
    // What is said is judged, so it has to survive a /run that is full.
    await this.#world.sh('sh', '-ec', 'mkdir -p /var/log/journal; journalctl --flush');
    await this.#world.sh('sh', '-ec', FOREIGN);
    await this.#probe.install();
    await populate(this.#world);
    await this.#empty();
  }

  /** Throws when anything does not hold. */
  async suffer(fault: Fault, size: Size, seed: number): Promise<Verdict> {
    const startedAt = performance.now();
    const world = this.#world;
    if (this.#isLittered) await this.#empty();
    this.#isLittered = true;
    const since = (await world.sh('date', '+%s.%N')).trim();
    const before = await takeCensus(world, this.#probe);
    let figures = '';
    const body = async () => {
      await populate(world);
      const were = await standing(world);
      const untouched = () => this.#areAs(were);
      figures = await fault.run({ world, probe: this.#probe, size, seed, untouched });
      await untouched();
      await this.#empty();
    };
    await (fault.around === undefined ? body() : fault.around(world, body));
    const after = await this.#untilAsBefore(before, fault.keepsMore);
    await this.#saysNothingOfBugs(since);
    this.#isLittered = false;
    return {
      figures,
      counts: censusText(before, after),
      seconds: (performance.now() - startedAt) / 1000,
    };
  }

  async #areAs(were: Standing): Promise<void> {
    await eventually(
      async () => {
        assert.deepEqual(await standing(this.#world), were);
        return true;
      },
      { timeoutMs: 90_000, describe: 'everybody who lived there to be as before' },
    );
  }

  /** All manifests away, and everything that was made of them. */
  async #empty(): Promise<void> {
    const world = this.#world;
    await world.sh('sh', '-c', 'rm -rf /etc/nspawnd/manifests/* /etc/nspawnd/manifests/.[!.]*');
    await eventually(
      async () => {
        const { held } = await world.source();
        if (held !== null) await world.ctl('prune', '--confirm', held.hash);
        assert.deepEqual(
          (await world.list()).map(({ metadata }) => metadata.name),
          [],
        );
        return true;
      },
      { timeoutMs: 120_000, describe: 'all containers to be gone' },
    );
  }

  async #untilAsBefore(before: Census, keepsMore?: Fault['keepsMore']): Promise<Census> {
    let after = before;
    await eventually(
      async () => {
        after = await takeCensus(this.#world, this.#probe);
        assert.deepEqual(findGrowth(before, after, keepsMore), []);
        return true;
      },
      { timeoutMs: 60_000, everyMs: 500, describe: 'the host to hold what it held' },
    );
    return after;
  }

  async #saysNothingOfBugs(since: string): Promise<void> {
    const said = await this.#world.sh(
      'journalctl',
      '--no-pager',
      '-o',
      'cat',
      '--since',
      `@${since}`,
      '-u',
      'nspawnd',
    );
    const bad = said
      .split('\n')
      .filter(line => /this is a bug|InternalError|TypeError|AssertionError/.test(line));
    assert.deepEqual(bad.slice(0, 5), []);
  }
}
