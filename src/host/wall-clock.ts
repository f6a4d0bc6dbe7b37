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
    const bootedAt = whenBooted();
    if (!(Math.abs(bootedAt - this.#bootedAt) < STEP_MS)) this.#bootedAt = bootedAt;
    return this.#bootedAt + Number(monotonicMicros / 1000n);
  }
}

/** Looks once more where the clock was set in the middle: times from before it and from after it do not go together. */
export async function inOneClock<T>(look: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const before = whenBooted();
    const seen = await look();
    if (attempt === MAX_LOOKS || Math.abs(whenBooted() - before) < STEP_MS) return seen;
  }
}

const MAX_LOOKS = 5;

/** By the wall clock of now; another time as soon as that is set. */
function whenBooted(): number {
  return Date.now() - Number(process.hrtime.bigint() / 1_000_000n);
}
