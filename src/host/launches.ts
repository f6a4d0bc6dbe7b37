/**
 * Launches as they are made: the attempt is on disk and what is left of the run before is gone, and systemd has not been
 * asked yet. Whoever looks at that moment must not take it for a launch that came to nothing.
 */
export class Launches {
  /** By name; odd while one is being made. */
  readonly #counts = new Map<string, number>();

  async make(name: string, launch: () => Promise<void>): Promise<void> {
    this.#count(name);
    try {
      await launch();
    } finally {
      this.#count(name);
    }
  }

  /** Begins a look; the answer says at its end whether one was being made meanwhile. */
  watch(name: string): () => boolean {
    const before = this.#counts.get(name) ?? 0;
    return () => before % 2 === 1 || (this.#counts.get(name) ?? 0) !== before;
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }
}
