/** One trigger for what comes in a burst: a guest that plays with its links must not keep us busy. */
export class Burst {
  readonly #onTrigger: (name: string) => void;
  readonly #pending = new Set<string>();

  constructor(onTrigger: (name: string) => void) {
    this.#onTrigger = onTrigger;
  }

  trigger(name: string): void {
    if (this.#pending.has(name)) return;
    this.#pending.add(name);
    setTimeout(() => {
      this.#pending.delete(name);
      this.#onTrigger(name);
    }, BURST_MS);
  }
}

const BURST_MS = 250;
