import { availableParallelism } from 'node:os';
import { type Answer, Lane, type LaneRequest } from './lane.ts';

/** One for each core and one more, at most four. */
const LANES = Math.min(4, availableParallelism() + 1);

/** Lanes for whoever comes; who finds none that is idle waits. */
export class Lanes {
  readonly #idle: Lane[] = [];
  readonly #all = new Set<Lane>();
  readonly #waiting: ((lane: Lane) => void)[] = [];

  constructor() {
    process.once('exit', () => {
      for (const lane of this.#all) lane.close();
    });
  }

  async run(request: LaneRequest): Promise<Answer> {
    const lane = await this.#take();
    try {
      return await lane.run(request);
    } finally {
      this.#giveBack(lane);
    }
  }

  #take(): Lane | Promise<Lane> {
    // All at once, at the first command: as long as we are small, a process costs little.
    while (this.#all.size < LANES) this.#idle.push(this.#open());
    const lane = this.#idle.pop();
    return lane === undefined ? new Promise(resolve => this.#waiting.push(resolve)) : this.#usable(lane);
  }

  #giveBack(used: Lane): void {
    const lane = this.#usable(used);
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(lane);
    else next(lane);
  }

  /** Itself, or one in its place. */
  #usable(lane: Lane): Lane {
    if (lane.isOpen()) return lane;
    this.#all.delete(lane);
    return this.#open();
  }

  #open(): Lane {
    const lane = new Lane();
    this.#all.add(lane);
    return lane;
  }
}
