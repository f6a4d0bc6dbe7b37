import { isDeepStrictEqual } from 'node:util';
import type { FailedUnits } from '../../planning/observed.ts';

/** What was failing when a guest had just booted often mends itself, and what fails often does so soon after. */
const SECOND_LOOK_MS = 30_000;
const LATER_LOOK_MS = 600_000;
const FAILED_LOOK_MS = 60_000;
/** One look costs 12 ms of a core; so rarely that all of them together stay below a third of a percent. */
const PACE_MS = 4000;
const SWEEP_MS = 10_000;

interface Known {
  readonly invocationId: string;
  readonly failedUnits: FailedUnits | null;
  readonly looks: number;
  readonly dueAt: number;
}

/**
 * Finds out which units of the guests have failed: once they have booted, a little later, then rarely. One guest at a time,
 * and nobody waits for it; a trigger says that something else was found.
 */
export class DegradedWatch {
  readonly #look: (name: string) => Promise<FailedUnits | null>;
  readonly #onTrigger: (name: string) => void;
  readonly #known = new Map<string, Known>();
  /** Who is to be looked at; the first look of a run does not wait for its turn in time. */
  readonly #queue = new Map<string, { readonly isUrgent: boolean }>();
  #isLooking = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  readonly #sweep: NodeJS.Timeout;

  constructor(look: (name: string) => Promise<FailedUnits | null>, onTrigger: (name: string) => void) {
    this.#look = look;
    this.#onTrigger = onTrigger;
    // A container at rest is looked at by nobody else for a long time.
    this.#sweep = setInterval(() => {
      for (const [name, known] of this.#known) this.#enqueueIfDue(name, known);
    }, SWEEP_MS).unref();
  }

  /** Called at every look at a guest; `invocationId` null: it does not run, or has no systemd to ask. */
  facts(name: string, invocationId: string | null): FailedUnits | null {
    if (invocationId === null) {
      this.#known.delete(name);
      this.#queue.delete(name);
      return null;
    }
    const before = this.#known.get(name);
    const known =
      before?.invocationId === invocationId
        ? before
        : { invocationId, failedUnits: null, looks: 0, dueAt: Number.NEGATIVE_INFINITY };
    this.#known.set(name, known);
    this.#enqueueIfDue(name, known);
    return known.failedUnits;
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
  }

  #enqueueIfDue(name: string, known: Known): void {
    if (performance.now() < known.dueAt || this.#queue.has(name)) return;
    this.#queue.set(name, { isUrgent: known.looks === 0 });
    this.#pump();
  }

  #pump(): void {
    if (this.#isLooking || this.#queue.size === 0) return;
    const urgent = [...this.#queue].find(([, { isUrgent }]) => isUrgent)?.[0];
    const waitMs = this.#lookedAt + PACE_MS - performance.now();
    if (urgent === undefined && waitMs > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#pump();
      }, waitMs);
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
    this.#known.set(name, { ...known, dueAt: Number.POSITIVE_INFINITY });
    const failedUnits = await this.#look(name);
    if (this.#known.get(name)?.invocationId !== known.invocationId) return;
    const hasFailed = failedUnits === null || failedUnits.names.length > 0;
    const nextMs = known.looks === 0 ? SECOND_LOOK_MS : hasFailed ? FAILED_LOOK_MS : LATER_LOOK_MS;
    this.#known.set(name, {
      ...known,
      failedUnits,
      looks: known.looks + 1,
      dueAt: performance.now() + nextMs,
    });
    if (!isDeepStrictEqual(failedUnits, known.failedUnits)) this.#onTrigger(name);
  }
}
