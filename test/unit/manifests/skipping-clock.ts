import type { Clock } from '../../../src/manifests/clock.ts';

/** Real time with jumps: `skip` moves both clocks on and lets what came due happen. */
export class SkippingClock implements Clock {
  #skippedMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return Date.now() + this.#skippedMs;
  }

  monotonic(): number {
    return performance.now() + this.#skippedMs;
  }

  schedule(delayMs: number, call: () => void): () => void {
    const timer: Timer = {
      dueMs: this.monotonic() + delayMs,
      call,
      real: setTimeout(() => this.#fire(timer), delayMs),
    };
    this.#timers.add(timer);
    return () => this.#drop(timer);
  }

  skip(ms: number): void {
    this.#skippedMs += ms;
    for (const timer of [...this.#timers]) if (timer.dueMs <= this.monotonic()) this.#fire(timer);
  }

  #fire(timer: Timer): void {
    if (!this.#timers.has(timer)) return;
    this.#drop(timer);
    timer.call();
  }

  #drop(timer: Timer): void {
    clearTimeout(timer.real);
    this.#timers.delete(timer);
  }
}

interface Timer {
  readonly dueMs: number;
  readonly call: () => void;
  readonly real: NodeJS.Timeout;
}
