/** Who asks for a slot. */
export interface Wish {
  /** `urgent`: a person waits for it. `again`: it has failed, and is to be tried once more. */
  readonly rank: Rank;
  /** Higher first. */
  readonly priority: number;
  /** How long a boot may hold the slot at most; usually less, see `#hold`. */
  readonly holdMs: number;
}

export type Rank = keyof typeof RANKS;
const RANKS = { urgent: 2, usual: 1, again: 0 };

/**
 * How many guests boot at once: so many that no processor idles, and not so many that each takes the others' time.
 *
 * Invariants:
 * - whoever has a slot had it before anything of its launch was done, so no two take the last one;
 * - a free slot goes to the first of those who wait: by rank, then by priority, then as they came. It is given, not
 *   announced: nobody else can take it meanwhile;
 * - a slot comes back when its boot is over, however it ended, or lasts far longer than boots do here: one that hangs takes
 *   no processor's time, and must not hold up the others;
 * - those who are urgent find as many slots again, beyond those of the others.
 *
 * What is in here is only who boots and who waits; it is made anew by looking at every container.
 */
export class BootSlots {
  readonly #max: number;
  readonly #onTurn: (name: string) => void;
  /** `timer` null: its time is over, and it is no longer counted. */
  readonly #held = new Map<string, { readonly since: number; readonly timer: NodeJS.Timeout | null }>();
  readonly #waiting = new Map<string, Waiting>();
  /** Those who may yet ask, the highest priority last; whoever has been heard of is only in the list. */
  #expected: { readonly name: string; readonly priority: number }[] = [];
  #unheard = new Set<string>();
  #asked = 0;
  /** How long boots take here, the last ones most; null while none has come up. */
  #usualMs: number | null = null;

  /** `onTurn` is told who has been given a slot while it waited. */
  constructor(max: number, onTurn: (name: string) => void) {
    this.#max = max;
    this.#onTurn = onTurn;
  }

  /** These will all be heard of soon: nobody takes a slot before one of a higher priority has had its chance to ask. */
  expect(expected: readonly { readonly name: string; readonly priority: number }[]): void {
    this.#expected = [...expected].sort((one, other) => one.priority - other.priority);
    this.#unheard = new Set(expected.map(({ name }) => name));
  }

  /** How many are before it; 0: it has a slot. Once asked, it waits until it leaves. */
  ask(name: string, wish: Wish): number {
    if (this.holds(name)) return 0;
    const order = this.#waiting.get(name)?.order ?? this.#asked++;
    const mine = { ...wish, order };
    this.#waiting.delete(name);
    if (this.#isFree(mine)) {
      this.#hold(name, wish.holdMs);
      return 0;
    }
    this.#waiting.set(name, mine);
    const before = [...this.#waiting.values()].filter(other => isBefore(other, mine));
    return Math.max(1, this.#taken() + before.length);
  }

  /** It boots, whoever started it: also beyond the limit, because it does. */
  boots(name: string, holdMs: number): void {
    this.#waiting.delete(name);
    if (!this.#held.has(name)) this.#hold(name, holdMs);
  }

  /** It has come up. */
  cameUp(name: string): void {
    const hold = this.#held.get(name);
    if (hold !== undefined) {
      const tookMs = performance.now() - hold.since;
      this.#usualMs = this.#usualMs === null ? tookMs : this.#usualMs * 0.7 + tookMs * 0.3;
    }
    this.leave(name);
  }

  /** It neither boots nor wants to. */
  leave(name: string): void {
    this.#waiting.delete(name);
    const timer = this.#held.get(name)?.timer ?? null;
    this.#held.delete(name);
    if (timer === null) return;
    clearTimeout(timer);
    this.#giveAway();
  }

  /** It has been looked at, and has asked or will not. */
  heard(name: string): void {
    if (!this.#unheard.delete(name)) return;
    const before = this.#expected.length;
    for (let last = this.#expected.at(-1); last !== undefined; last = this.#expected.at(-1)) {
      if (this.#unheard.has(last.name)) break;
      this.#expected.pop();
    }
    if (this.#expected.length < before) this.#giveAway();
  }

  holds(name: string): boolean {
    return (this.#held.get(name)?.timer ?? null) !== null;
  }

  /** Gives nobody a turn any more. */
  stop(): void {
    this.#waiting.clear();
    this.#expected = [];
    for (const name of [...this.#held.keys()]) this.leave(name);
  }

  #taken(): number {
    return [...this.#held.values()].filter(({ timer }) => timer !== null).length;
  }

  #isFree({ rank, priority }: Wish): boolean {
    if (rank === 'urgent') return this.#taken() < this.#max * 2;
    const highest = this.#expected.at(-1)?.priority ?? Number.NEGATIVE_INFINITY;
    return this.#taken() < this.#max && highest <= priority;
  }

  #hold(name: string, atMostMs: number): void {
    const since = performance.now();
    const usualMs = this.#usualMs === null ? FIRST_HOLD_MS : Math.max(SHORTEST_HOLD_MS, this.#usualMs * 4);
    const release = () => {
      // It still boots, but nobody waits for it any more; the mark stays, so that it is not given a slot again for that.
      this.#held.set(name, { since, timer: null });
      this.#giveAway();
    };
    const timer = setTimeout(release, Math.min(atMostMs, usualMs));
    this.#held.set(name, { since, timer });
  }

  #giveAway(): void {
    for (let next = this.#first(); next !== null; next = this.#first()) {
      const [name, wish] = next;
      this.#waiting.delete(name);
      this.#hold(name, wish.holdMs);
      this.#onTurn(name);
    }
  }

  /** Who is next, if there is a slot for it. Whoever is not urgent is never before somebody who is. */
  #first(): readonly [string, Wish] | null {
    const entries = [...this.#waiting];
    if (entries.length === 0) return null;
    const next = entries.reduce((best, entry) => (isBefore(entry[1], best[1]) ? entry : best));
    return this.#isFree(next[1]) ? next : null;
  }
}

const FIRST_HOLD_MS = 10_000;
const SHORTEST_HOLD_MS = 3_000;

type Waiting = Wish & { readonly order: number };

function isBefore(one: Waiting, other: Waiting): boolean {
  if (one.rank !== other.rank) return RANKS[one.rank] > RANKS[other.rank];
  return one.priority === other.priority ? one.order < other.order : one.priority > other.priority;
}
