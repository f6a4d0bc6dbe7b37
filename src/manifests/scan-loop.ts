import type { Clock } from './clock.ts';

/**
 * When to scan: at once on a wake-up, but never two scans at once and never without a pause in a storm of wake-ups; never
 * dropping one, since whatever comes during a scan causes one more.
 */
export class ScanLoop<T> {
  readonly #scan: () => Promise<T>;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  #running: Promise<unknown> | null = null;
  #next: Promise<T> | null = null;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #lastTookMs = 0;
  #isWakeDue = false;
  #cancelWake: (() => void) | null = null;
  #isClosed = false;

  constructor(scan: () => Promise<T>, clock: Clock, onError: (error: unknown) => void) {
    this.#scan = scan;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Resolves with the result of a scan that begins after this call. */
  request(): Promise<T> {
    if (this.#running === null) {
      const scan = this.#run();
      this.#running = scan;
      return scan;
    }
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.request();
      });
    return this.#next;
  }

  /** Does something that no scan may come across; scans that are asked for meanwhile come after it. */
  async between<R>(work: () => Promise<R>): Promise<R> {
    while (this.#running !== null) await this.#running.catch(() => undefined);
    const turn = work();
    this.#running = turn;
    try {
      return await turn;
    } finally {
      if (this.#running === turn) this.#running = null;
      if (this.#isWakeDue) this.wake();
    }
  }

  /** Something may have changed: scan soon. */
  wake(): void {
    if (this.#isClosed) return;
    if (this.#running !== null) {
      this.#isWakeDue = true;
      return;
    }
    if (this.#cancelWake !== null) return;
    const pauseMs = this.#endedAtMs + Math.min(this.#lastTookMs, MAX_PAUSE_MS) - this.#clock.monotonic();
    if (pauseMs <= 0) this.request().catch(this.#onError);
    else this.wakeIn(pauseMs);
  }

  /** Scans after a time, unless something else causes a scan before. */
  wakeIn(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancelWake?.();
    this.#cancelWake = this.#clock.schedule(delayMs, () => {
      this.#cancelWake = null;
      this.request().catch(this.#onError);
    });
  }

  /** The same, after the shortest of the times; null: nothing is due. */
  wakeInFirst(delaysMs: readonly (number | null)[]): void {
    const first = Math.min(...delaysMs.map(delayMs => delayMs ?? Number.POSITIVE_INFINITY));
    if (Number.isFinite(first)) this.wakeIn(first);
  }

  /** Starts nothing any more and waits for what runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelWake?.();
    this.#cancelWake = null;
    await this.#running?.catch(() => undefined);
  }

  async #run(): Promise<T> {
    const startedAtMs = this.#clock.monotonic();
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#isWakeDue = false;
    try {
      return await this.#scan();
    } finally {
      this.#running = null;
      this.#endedAtMs = this.#clock.monotonic();
      this.#lastTookMs = this.#endedAtMs - startedAtMs;
      if (this.#isWakeDue) this.wake();
    }
  }
}

/** The longest pause after a scan: with it a storm of changes costs half of one core at most. */
const MAX_PAUSE_MS = 200;
