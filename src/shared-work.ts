/**
 * Work that many may ask for at once, and that is one at a time. Who comes while it is under way waits for the next one,
 * together with all others who do: the one under way may have passed already what they have just changed.
 */
export class SharedWork<Result> {
  #running: Promise<unknown> | null = null;
  #next: Promise<Result> | null = null;

  /** The result of work that began after this call, by whichever caller's `work`; its error is that of all who share it. */
  run(work: () => Promise<Result>): Promise<Result> {
    if (this.#running === null) {
      const result = work();
      const end = () => {
        this.#running = null;
      };
      this.#running = result.then(end, end);
      return result;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.run(work);
    });
    return this.#next;
  }
}
