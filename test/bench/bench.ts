import type { Host } from '../testbed/host.ts';

/** What a section measures with. */
export interface Bench {
  readonly host: Host;
  readonly rounds: number;
  /** The first rounds fill caches and are not counted. */
  readonly warmUp: number;
}

/** How many rounds are run in all. */
export function allRounds({ rounds, warmUp }: Bench): number {
  return rounds + warmUp;
}
