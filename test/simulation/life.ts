import { Random } from '../model/random.ts';
import { DEEDS, type DeedKind } from './deeds.ts';
import { PROBE_DEEDS } from './probe-deeds.ts';

/** One life of a host, as data: whoever has it can live it again, or leave parts of it out. */
export interface Life {
  readonly seed: number;
  readonly names: readonly string[];
  readonly tuning: Tuning;
  readonly deeds: readonly Deed[];
  /** What is tried when all has come to rest, one after the other. */
  readonly exams: number;
}

/** One thing that happens; `roll` is the seed of whatever chance it takes, so that it is the same among others. */
export interface Deed {
  readonly atMs: number;
  readonly what: string;
  readonly name: string;
  readonly roll: number;
}

/** How this host is. */
export interface Tuning {
  readonly workers: number;
  readonly maxConcurrentBoots: number;
  readonly relistMs: number;
  /** How many of the calls take their time, and how much at most. */
  readonly slowChance: number;
  readonly slowMaxMs: number;
  /** How many looks see some things later than others. */
  readonly tearChance: number;
  readonly bootMaxMs: number;
  readonly lingerChance: number;
  readonly lossChance: number;
  readonly delayChance: number;
  readonly hasForeign: boolean;
  /** At rest nobody wakes nspawnd: what it missed it finds by itself. */
  readonly isPatient: boolean;
  /** Manifests are files that the shipped source reads; else they are known at once. */
  readonly hasFiles: boolean;
  /** How long the disk takes at most for a file; 0: no time. */
  readonly diskMaxMs: number;
  /** Guests are asked how they are. */
  readonly hasProbes: boolean;
}

const ALL_NAMES = ['web', 'db', 'api', 'cache', 'a-name-that-makes-its-link-short'];

/** The life of a seed is the same one with probes and without, but for them. */
export function makeLife(seed: number, hasProbes = new Random(seed ^ 0x9a0b).chance(0.4)): Life {
  const random = new Random(seed);
  const names = ALL_NAMES.slice(0, random.pick([1, 1, 2, 2, 2, 3, 4, 5]));
  const tuning: Tuning = {
    workers: random.pick([1, 4, 8]),
    maxConcurrentBoots: random.pick([1, 2, 4]),
    relistMs: random.pick([20_000, 60_000, 200_000]),
    slowChance: random.pick([0, 0.02, 0.2]),
    slowMaxMs: random.pick([5, 100, 3000]),
    tearChance: random.pick([0, 0, 0.3]),
    bootMaxMs: random.pick([10, 1000, 1000, 20_000]),
    lingerChance: random.pick([0, 0.5]),
    lossChance: random.pick([0, 0, 0.1, 0.9]),
    delayChance: random.pick([0, 0.2]),
    hasForeign: random.chance(0.3),
    isPatient: random.chance(0.1),
    hasFiles: random.chance(0.3),
    diskMaxMs: random.pick([0, 3, 50]),
    hasProbes,
  };
  const kinds = weighted(DEEDS);
  const deeds: Deed[] = [];
  let atMs = 0;
  for (let left = 4 + random.below(random.pick([8, 16, 16, 28])); left > 0; left--) {
    atMs += pause(random);
    const isFirst = deeds.length < names.length && random.chance(0.8);
    const what = isFirst ? 'drop' : random.pick(kinds);
    const name = isFirst ? (names[deeds.length] ?? random.pick(names)) : random.pick(names);
    deeds.push({ atMs, what, name, roll: random.below(2 ** 31) });
  }
  const exams = random.pick([0, 1, 1, 2]);
  const all = hasProbes ? [...deeds, ...probeDeeds(names, atMs, new Random(seed ^ 0x9a0c))] : deeds;
  return { seed, names, tuning, deeds: all.sort((a, b) => a.atMs - b.atMs), exams };
}

function probeDeeds(names: readonly string[], untilMs: number, random: Random): readonly Deed[] {
  const kinds = weighted(PROBE_DEEDS);
  return Array.from({ length: 1 + random.below(8) }, () => ({
    atMs: random.below(untilMs + 20_000),
    what: random.pick(kinds),
    name: random.pick(names),
    roll: random.below(2 ** 31),
  }));
}

function weighted(kinds: Readonly<Record<string, DeedKind>>): readonly string[] {
  return Object.entries(kinds).flatMap(([what, { weight }]) => Array<string>(weight).fill(what));
}

/** Most things happen in bursts, some after a while, and a few after everything else was forgotten. */
function pause(random: Random): number {
  return random.below(
    random.pick([1, 20, 300, 300, 2000, 2000, 10_000, 30_000, random.chance(0.1) ? 700_000 : 1000]),
  );
}
