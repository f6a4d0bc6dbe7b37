import type { ServerResponse } from 'node:http';
import { cutUnlessTaken } from './cut-unless-taken.ts';
import type { Limits } from './limits.ts';

/**
 * The whole answers of one socket that their clients have not taken yet. Each is kept for as long, so together they have a
 * bound: beyond it, who has had the longest time to take one is cut off. A client that reads is soon done.
 */
export class Untaken {
  readonly #limits: Pick<Limits, 'takeTimeoutMs' | 'untakenBytes'>;
  /** How long each is; the oldest first. */
  readonly #answers = new Map<ServerResponse, number>();
  #bytes = 0;

  constructor(limits: Pick<Limits, 'takeTimeoutMs' | 'untakenBytes'>) {
    this.#limits = limits;
  }

  add(response: ServerResponse, bytes: number): void {
    if (response.destroyed) return;
    this.#answers.set(response, bytes);
    this.#bytes += bytes;
    response.once('close', () => this.#forget(response));
    cutUnlessTaken(response, this.#limits.takeTimeoutMs);
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes <= this.#limits.untakenBytes || oldest === response) return;
      this.#forget(oldest);
      oldest.destroy();
    }
  }

  #forget(response: ServerResponse): void {
    this.#bytes -= this.#answers.get(response) ?? 0;
    this.#answers.delete(response);
  }
}
