import { makeLife } from './life.ts';
import { live } from './live.ts';
import { shrink } from './shrink.ts';

/** Everything that one needs to know of a seed that fails: what was violated, and the shortest life in which it is. */
export async function report(seed: number): Promise<string> {
  const life = makeLife(seed);
  const { violation } = await live(life);
  if (violation === null) return `seed ${seed}: all is well`;
  const shortest = await shrink(life, violation.oracle, live);
  const { violation: same, story } = await live(shortest, true);
  return [
    `seed ${seed} fails; shown with ${shortest.deeds.length} of its ${life.deeds.length} deeds, and ` +
      `${JSON.stringify(shortest.tuning)}`,
    ...story,
    `${(same ?? violation).message}`,
    `The whole life: npm run simulate -- --seed ${seed}`,
    '',
  ].join('\n');
}
