import { isDeepStrictEqual } from 'node:util';
import type { FailedUnits } from '../../planning/observed.ts';

/** What fails is asked again after a while; what fails when a guest has just booted often mends itself. */
const FAILED_LOOK_MS = 60_000;
const FIRST_LOOK_MS = 1000;
/** Where units came or went, again so long after the last look; twice as long each time nothing was found. */
const FIRST_GAP_MS = 30_000;
const LONGEST_GAP_MS = 600_000;
/** Where nothing came or went, so rarely; where nobody can tell, as if something had. */
const QUIET_LOOK_MS = 3_600_000;
/** Who does not answer is asked ever more rarely, down to this. */
const LONGEST_SILENCE_MS = 3_600_000;
/** One look costs 12 ms of a core; so rarely that all of them together stay below a third of a percent. */
const PACE_MS = 4000;
/** The first look of a run does not wait for its turn, but fifty of them at once leave room for others. */
const URGENT_PACE_MS = 200;
/** While guests boot, they need the processor: nobody is asked then, but for those who have waited so long. */
const PATIENCE_MS = 60_000;
const SWEEP_MS = 20_000;
/** Nobody is told of what was not found, or could not be. */
const NONE: FailedUnits = { names: [], more: 0 };

interface Known {
  readonly invocationId: string;
  readonly mainPid: number;
  readonly failedUnits: FailedUnits | null;
  readonly looks: number;
  /** Looks in a row that came to nothing. */
  readonly silences: number;
  /** When to look if units came or went since, and when in any case. */
  readonly dueAt: number;
  readonly dueAnywayAt: number;
  /** As of just before the last look. */
  readonly mark: string | null;
}

export interface DegradedTools {
  readonly look: (name: string, mainPid: number) => Promise<FailedUnits | null>;
  /** Changes when a unit of the guest comes or goes, and is the earlier one while none did; null: nobody can tell. */
  readonly mark: (name: string, earlier: string | null) => string | null;
  readonly onTrigger: (name: string) => void;
}

/**
 * Finds out which units of the guests have failed: once they have booted, and again when units came or went. One guest at a
 * time, and nobody waits for it; a trigger says that something else was found.
 */
export class DegradedWatch {
  readonly #tools: DegradedTools;
  readonly #known = new Map<string, Known>();
  /** Who is to be looked at; the first look of a run does not wait for its turn in time. */
  readonly #queue = new Map<string, { readonly isUrgent: boolean; readonly since: number }>();
  readonly #booting = new Set<string>();
  #isLooking = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  readonly #sweep: NodeJS.Timeout;

  constructor(tools: DegradedTools) {
    this.#tools = tools;
    // A container at rest is looked at by nobody else for a long time.
    this.#sweep = setInterval(() => {
      for (const [name, known] of this.#known) this.#enqueueIfDue(name, known);
    }, SWEEP_MS).unref();
  }

  /** Called at every look at a guest; `invocationId` null: it does not run, or has no systemd to ask. */
  facts(name: string, invocationId: string | null, mainPid = 0): FailedUnits | null {
    if (invocationId === null) {
      this.#known.delete(name);
      this.#queue.delete(name);
      return null;
    }
    const before = this.#known.get(name);
    if (before?.invocationId === invocationId) {
      this.#enqueueIfDue(name, before);
      return before.failedUnits;
    }
    // It has just booted, and has enough to do.
    const dueAt = performance.now() + FIRST_LOOK_MS;
    this.#known.set(name, {
      invocationId,
      mainPid,
      failedUnits: null,
      looks: 0,
      silences: 0,
      dueAt,
      dueAnywayAt: dueAt,
      mark: null,
    });
    setTimeout(() => {
      const known = this.#known.get(name);
      if (known !== undefined) this.#enqueueIfDue(name, known);
    }, FIRST_LOOK_MS).unref();
    return null;
  }

  /** Called at every look at a guest, too. */
  noteBooting(name: string, isBooting: boolean): void {
    if (isBooting) this.#booting.add(name);
    else this.#booting.delete(name);
  }

  /** Looks now, because a person asked. */
  async lookAgain(name: string): Promise<void> {
    const known = this.#known.get(name);
    if (known !== undefined) await this.#lookAt(name, known);
  }

  stop(): void {
    clearInterval(this.#sweep);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#queue.clear();
    this.#known.clear();
    this.#booting.clear();
  }

  #enqueueIfDue(name: string, known: Known): void {
    const now = performance.now();
    if (now < known.dueAt || this.#queue.has(name)) return;
    if (now < known.dueAnywayAt && known.mark !== null && known.mark === this.#tools.mark(name, known.mark))
      return;
    this.#queue.set(name, { isUrgent: known.looks === 0, since: now });
    this.#pump();
  }

  #pump(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isLooking || this.#queue.size === 0) return;
    const urgent = [...this.#queue].find(([, { isUrgent }]) => isUrgent)?.[0];
    const now = performance.now();
    const paceMs = this.#lookedAt + (urgent === undefined ? PACE_MS : URGENT_PACE_MS) - now;
    const [first] = this.#queue.values();
    const isTooEarly = this.#booting.size > 0 && now < (first?.since ?? 0) + PATIENCE_MS;
    const waitMs = Math.max(paceMs, isTooEarly ? FIRST_LOOK_MS : 0);
    if (waitMs > 0) {
      this.#timer = setTimeout(() => this.#pump(), waitMs);
      return;
    }
    const [name = ''] = urgent === undefined ? [...this.#queue.keys()] : [urgent];
    this.#queue.delete(name);
    const known = this.#known.get(name);
    this.#isLooking = true;
    const look = known === undefined ? Promise.resolve() : this.#lookAt(name, known);
    void look.finally(() => {
      this.#isLooking = false;
      this.#lookedAt = performance.now();
      this.#pump();
    });
  }

  async #lookAt(name: string, known: Known): Promise<void> {
    // Due again when this look is over.
    const never = Number.POSITIVE_INFINITY;
    this.#known.set(name, { ...known, dueAt: never, dueAnywayAt: never });
    const mark = this.#tools.mark(name, null);
    const failedUnits = await this.#tools.look(name, known.mainPid);
    if (this.#known.get(name)?.invocationId !== known.invocationId) return;
    const now = performance.now();
    const silences = failedUnits === null ? known.silences + 1 : 0;
    const hasFailed = failedUnits === null || failedUnits.names.length > 0;
    const looks = hasFailed ? 1 : known.looks + 1;
    const failedGapMs = Math.min(LONGEST_SILENCE_MS, FAILED_LOOK_MS * 2 ** Math.max(0, silences - 1));
    const gapMs = hasFailed ? failedGapMs : Math.min(LONGEST_GAP_MS, FIRST_GAP_MS * 2 ** (looks - 1));
    const dueAnywayAt = now + (hasFailed ? failedGapMs : QUIET_LOOK_MS);
    this.#known.set(name, { ...known, failedUnits, looks, silences, dueAt: now + gapMs, dueAnywayAt, mark });
    if (!isDeepStrictEqual(failedUnits ?? NONE, known.failedUnits ?? NONE)) this.#tools.onTrigger(name);
  }
}
