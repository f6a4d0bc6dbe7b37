import { availableParallelism } from 'node:os';
import { type Answer, Lane, type LaneRequest } from './lane.ts';

/** As many lanes as there is work for, and no more than the machine has a use for. */
export class Lanes {
  readonly #most: number;
  readonly #idle: Lane[] = [];
  readonly #waiting: ((lane: Lane) => void)[] = [];
  #count = 0;

  constructor(most = Math.min(4, availableParallelism() + 1)) {
    this.#most = most;
  }

  /** Null: the lane was lost, and what has become of the command is not known. */
  async run(request: LaneRequest): Promise<Answer | 'timeout' | null> {
    const lane = await this.#take();
    try {
      return await lane.run(request);
    } finally {
      this.#giveBack(lane);
    }
  }

  #take(): Lane | Promise<Lane> {
    const lane = this.#idle.pop();
    if (lane?.isOpen() === true) return lane;
    if (lane !== undefined) this.#count--;
    if (this.#count < this.#most) {
      this.#count++;
      return new Lane();
    }
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  #giveBack(lane: Lane): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(lane);
    else next(lane.isOpen() ? lane : new Lane());
  }
}
