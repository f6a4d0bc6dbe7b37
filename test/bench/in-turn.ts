import { allRounds, type Bench } from './bench.ts';
import type { Contender } from './contender.ts';
import type { Row } from './report.ts';
import { sample } from './statistics.ts';

/**
 * All contenders in each round, so that what disturbs the machine disturbs all of them. `measure` answers one value for
 * each title. A contender that fails is left out from then on, and its row says why.
 */
export async function measureInTurn(
  bench: Bench,
  contenders: readonly Contender[],
  titles: readonly string[],
  measure: (contender: Contender, name: string) => Promise<readonly number[]>,
): Promise<readonly (readonly Row[])[]> {
  const values = new Map<Contender, (readonly number[])[]>(contenders.map(contender => [contender, []]));
  const failures = new Map<Contender, string>();
  for (let round = 0; round < allRounds(bench); round++) {
    for (const [index, contender] of contenders.entries()) {
      if (failures.has(contender)) continue;
      const name = `b${index}r${round}`;
      try {
        await contender.prepare?.(name);
        const measured = await measure(contender, name);
        await contender.remove(name);
        if (round >= bench.warmUp) values.get(contender)?.push(measured);
        process.stdout.write('.');
      } catch (error) {
        failures.set(contender, firstLine(error));
        await contender.remove(name).catch(() => undefined);
      }
    }
  }
  return titles.map((_, column) =>
    contenders.map((contender): Row => {
      const failure = failures.get(contender);
      if (failure !== undefined) return { name: contender.name, missing: failure };
      const own = (values.get(contender) ?? []).map(measured => measured[column] ?? Number.NaN);
      return { name: contender.name, sample: sample(own) };
    }),
  );
}

export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').slice(0, 2).join(': ');
}
