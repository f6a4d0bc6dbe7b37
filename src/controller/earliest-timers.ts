/** At most one timer for each key: of those that were set, the one that is due first. */
export class EarliestTimers {
  readonly #timers = new Map<string, { readonly timer: NodeJS.Timeout; readonly dueAt: number }>();
  readonly #onDue: (key: string) => void;

  constructor(onDue: (key: string) => void) {
    this.#onDue = onDue;
  }

  /** What is due already does not wait for a timer. */
  set(key: string, delayMs: number): void {
    if (delayMs <= 0) {
      this.#onDue(key);
      return;
    }
    const dueAt = performance.now() + delayMs;
    const known = this.#timers.get(key);
    if (known !== undefined && known.dueAt <= dueAt) return;
    this.clear(key);
    const onDue = () => {
      this.#timers.delete(key);
      this.#onDue(key);
    };
    this.#timers.set(key, { timer: setTimeout(onDue, Math.min(delayMs, MAX_DELAY_MS)), dueAt });
  }

  clear(key: string): void {
    clearTimeout(this.#timers.get(key)?.timer);
    this.#timers.delete(key);
  }

  clearAll(): void {
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** setTimeout's own limit is 2^31 - 1; nothing here waits longer than a backoff or a settling time. */
const MAX_DELAY_MS = 2_000_000_000;
