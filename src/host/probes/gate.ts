/**
 * Lets only so many begin at once what costs a process, so that a hundred guests do not ask for the processor together. A
 * place is given back after a while whatever became of it: one that hangs keeps nobody from being asked.
 */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  readonly #holdMs: number;
  #free: number;

  constructor(places: number, holdMs: number) {
    this.#free = places;
    this.#holdMs = holdMs;
  }

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    const leave = once(() => this.#leave());
    const timer = setTimeout(leave, this.#holdMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      leave();
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
