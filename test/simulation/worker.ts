import { makeLife } from './life.ts';
import { live } from './live.ts';

/** What a process says of a bunch of seeds. */
export interface Bunch {
  readonly lives: number;
  readonly steps: number;
  readonly calls: number;
  readonly lastedMs: number;
  readonly failed: readonly { readonly seed: number; readonly oracle: string }[];
}

/** A process that lives what `main.ts` hands out, until that is gone. */
process.on('disconnect', () => process.exit(0));
process.on('message', async ([from, size]: readonly [number, number]) => {
  const sum = { lives: size, steps: 0, calls: 0, lastedMs: 0 };
  const failed: Bunch['failed'][number][] = [];
  for (let seed = from; seed < from + size; seed++) {
    const { violation, lastedMs, steps, calls } = await live(makeLife(seed));
    sum.lastedMs += lastedMs;
    sum.steps += steps;
    sum.calls += calls;
    if (violation !== null) failed.push({ seed, oracle: violation.oracle });
  }
  process.send?.({ ...sum, failed } satisfies Bunch);
});
