import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeLife } from './life.ts';
import { live } from './live.ts';
import { report } from './report.ts';

/**
 * Lives of a host, each from a seed: see `live.ts`. As many as fit into the time that a check may take, always the same
 * ones first; `npm run simulate` lives more of them.
 */
const BUDGET_CPU_MS = 12_000;
const MAX_LIVES = 3000;
const MIN_LIVES = 100;

test('any life of a host ends as its manifests say', async context => {
  const before = process.cpuUsage();
  const usedMs = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  let seed = 1;
  for (; seed <= MAX_LIVES && (seed <= MIN_LIVES || usedMs() < BUDGET_CPU_MS); seed++) {
    const { violation } = await live(makeLife(seed));
    if (violation !== null) assert.fail(await report(seed));
  }
  context.diagnostic(`${seed - 1} lives`);
});

/** Each found something once that no other test asks for. */
const KEPT = [1_054_778, 1_055_467, 1_246_457, 3_007_436];
const KEPT_WITH_PROBES = [6_017_277, 6_019_121];

test('lives that went wrong once go well', async () => {
  for (const [hasProbes, seeds] of [
    [false, KEPT],
    [true, KEPT_WITH_PROBES],
  ] as const)
    for (const seed of seeds) {
      const { violation } = await live(makeLife(seed, hasProbes));
      assert.equal(violation, null, `seed ${seed}`);
    }
});

test('a seed is always the same life', async () => {
  const [once, again] = [await live(makeLife(4), true), await live(makeLife(4), true)];
  assert.deepEqual(once.story, again.story);
  assert.ok(once.story.length > 20, 'and it has a story');
});
