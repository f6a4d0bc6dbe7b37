import type { Life } from './life.ts';
import type { Violation } from './violation.ts';

/**
 * The shortest life found that still fails in the same way: without the later deeds, then without any single one, then on
 * a host on which less goes wrong by itself.
 */
export async function shrink(
  life: Life,
  oracle: string,
  live: (life: Life) => Promise<{ readonly violation: Violation | null }>,
): Promise<Life> {
  let best = life;
  let left = MAX_LIVES;
  const isWorse = async (candidate: Life): Promise<boolean> => {
    if (left-- <= 0) return false;
    const { violation } = await live(candidate);
    if (violation?.oracle !== oracle) return false;
    best = candidate;
    return true;
  };

  for (let half = best.deeds.length; half >= 1; half = Math.floor(half / 2))
    for (let at = best.deeds.length - half; at >= 0; at -= half)
      await isWorse({ ...best, deeds: best.deeds.toSpliced(at, half) });
  await isWorse({ ...best, exams: 0 });
  for (const [key, value] of Object.entries(CALM_TUNING))
    await isWorse({ ...best, tuning: { ...best.tuning, [key]: value } });
  const names = new Set(best.deeds.map(({ name }) => name));
  await isWorse({ ...best, names: best.names.filter(name => names.has(name)) });
  return best;
}

const MAX_LIVES = 400;
const CALM_TUNING: Partial<Life['tuning']> = {
  slowChance: 0,
  tearChance: 0,
  lingerChance: 0,
  lossChance: 0,
  delayChance: 0,
  hasForeign: false,
  isPatient: false,
  diskMaxMs: 0,
};
