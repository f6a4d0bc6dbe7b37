import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { startWorkers } from './bundle.ts';
import { makeLife } from './life.ts';
import { live } from './live.ts';
import { report } from './report.ts';
import type { Bunch } from './worker.ts';

/**
 * `npm run simulate -- [--seeds N] [--from S] [--seed S] [--jobs J]`: N lives from seed S on, in J processes; a failure is
 * told as the shortest life that still fails. With `--seed` that one life, told whole.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    failures: { type: 'string', default: '5' },
  },
});

const BUNCH = 50;
const SAY_EVERY_MS = 10_000;

if (values.seed !== undefined) process.exitCode = await tell(Number(values.seed));
else process.exitCode = await simulate();

async function tell(seed: number): Promise<number> {
  const { violation, story } = await live(makeLife(seed), true);
  console.log(story.join('\n'));
  console.log(violation === null ? `seed ${seed}: all is well` : `seed ${seed}: ${violation.message}`);
  return violation === null ? 0 : 1;
}

/** Hands out seeds in bunches, and says how it goes. */
async function simulate(): Promise<number> {
  const [from, count] = [Number(values.from), Number(values.seeds)];
  const startedAt = performance.now();
  const sum = { lives: 0, steps: 0, calls: 0, lastedMs: 0 };
  const failed: Bunch['failed'][number][] = [];
  let next = from;
  let saidAt = startedAt;
  const say = () => {
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(
      `${sum.lives} lives in ${seconds.toFixed(0)} s (${(sum.lives / seconds).toFixed(0)}/s): ` +
        `${(sum.lastedMs / 86_400_000).toFixed(1)} days, ${sum.calls} calls, ${sum.steps} steps, ${failed.length} failed`,
    );
  };
  const workers = await startWorkers(Number(values.jobs));
  await Promise.all(
    workers.map(
      worker =>
        new Promise<void>(resolve => {
          const handOut = () => {
            const size = Math.min(BUNCH, from + count - next);
            if (size <= 0 || failed.length >= Number(values.failures)) return void worker.kill();
            worker.send([next, size]);
            next += size;
          };
          worker.on('message', (bunch: Bunch) => {
            for (const key of ['lives', 'steps', 'calls', 'lastedMs'] as const) sum[key] += bunch[key];
            for (const { seed, oracle } of bunch.failed) console.log(`seed ${seed} fails: ${oracle}`);
            failed.push(...bunch.failed);
            if (performance.now() - saidAt > SAY_EVERY_MS) {
              saidAt = performance.now();
              say();
            }
            handOut();
          });
          worker.on('exit', () => resolve());
          handOut();
        }),
    ),
  );
  say();
  for (const { seed } of failed.slice(0, Number(values.failures))) console.log(await report(seed));
  return failed.length === 0 && sum.lives === count ? 0 : 1;
}
