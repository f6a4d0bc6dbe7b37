/** Nobody sees a difference of less; slewing a clock goes on all the time. */
const STEP_MS = 500;

/**
 * Times of systemd's monotonic clock as the wall clock of now would have shown them: so a clock that is set makes nothing
 * younger or older than it is. The same answer for the same time, until the clock is set.
 */
export class WallClock {
  #bootedAt = Number.NaN;

  /** Of microseconds of CLOCK_MONOTONIC, which are 0 where it never happened: milliseconds since the epoch, or null. */
  at(monotonicMicros: bigint): number | null {
    if (monotonicMicros === 0n) return null;
    const bootedAt = Date.now() - Number(process.hrtime.bigint() / 1_000_000n);
    if (!(Math.abs(bootedAt - this.#bootedAt) < STEP_MS)) this.#bootedAt = bootedAt;
    return this.#bootedAt + Number(monotonicMicros / 1000n);
  }
}
