import { availableParallelism } from 'node:os';
import type { Manifest } from '../api/manifest.ts';
import type { Desired } from '../planning/desired.ts';
import type { GateFacts, Observed } from '../planning/observed.ts';
import type { Plan } from '../planning/plan.ts';
import { isBooting, runState } from '../planning/run-state.ts';
import type { LaunchCause } from '../planning/step.ts';
import { BootSlots } from './boot-slots.ts';

/** Why a container is not Ready, in words; null: it is. */
export type ReadinessOf = (name: string) => Promise<string | null>;

/**
 * What containers say to each other's starts: who has to be Ready before, and how many may boot at once. Asked at each
 * launch, so that nothing is decided from memory; remembered are only names, of those to be looked at again when another
 * one is Ready, and of those who boot.
 */
export class StartGate {
  readonly #slots: BootSlots;
  readonly #wake: (name: string) => void;
  /** Who waits for whom, from both sides. */
  readonly #dependents = new Map<string, Set<string>>();
  #isExpecting = false;
  readonly #waitsFor = new Map<string, readonly string[]>();

  /** `maxBoots` null: as suits this machine. `wake` brings a name back for another look. */
  constructor(maxBoots: number | null, wake: (name: string) => void) {
    this.#slots = new BootSlots(maxBoots ?? defaultMaxBoots(), wake);
    this.#wake = wake;
  }

  /** What others say to this launch; where nobody objects, its slot is taken. */
  async ask(
    { name, spec }: Manifest,
    observed: Observed,
    cause: LaunchCause,
    readinessOf: ReadinessOf,
  ): Promise<GateFacts> {
    // Before anybody is looked at: whoever becomes Ready after that look wakes it.
    this.#waitFor(name, spec.dependsOn);
    const notReady: { name: string; because: string }[] = [];
    for (const other of spec.dependsOn) {
      const because = await readinessOf(other);
      if (because !== null) notReady.push({ name: other, because });
    }
    this.#waitFor(
      name,
      notReady.map(other => other.name),
    );
    if (notReady.length > 0) return { notReady, ahead: 0 };
    const rank = cause === 'asked' ? 'urgent' : observed.history.failures > 0 ? 'again' : 'usual';
    const wish = { rank, priority: spec.priority, holdMs: holdMsOf(spec) } as const;
    return { notReady, ahead: this.#slots.ask(name, wish) };
  }

  /** How a container was found at the end of a look. */
  note(name: string, manifest: Manifest | null, observed: Observed, plan: Plan): void {
    if (plan.waitingFor?.reason !== 'DependencyNotReady') this.#waitFor(name, []);
    if (manifest !== null && isBooting(manifest, observed)) this.#slots.boots(name, holdMsOf(manifest.spec));
    else if (runState(observed.unit) === 'up') this.#slots.cameUp(name);
    else if (plan.waitingFor?.reason !== 'BootSlot') this.#slots.leave(name);
    this.#slots.heard(name);
  }

  /** Nobody could look at it: what it held is free. */
  lostSight(name: string): void {
    this.#slots.leave(name);
    this.#slots.heard(name);
  }

  isReady(name: string): void {
    for (const dependent of this.#dependents.get(name) ?? []) this.#wake(dependent);
  }

  /** All that are to be looked at when nspawnd starts: the first to be seen is not by chance the first to boot. */
  expect(names: Iterable<string>, desiredOf: (name: string) => Desired): void {
    if (this.#isExpecting) return;
    this.#isExpecting = true;
    this.#slots.expect([...names].map(name => ({ name, priority: priorityOf(desiredOf(name)) })));
  }

  /** Guests that were booting when nspawnd started. */
  adopt(names: readonly string[]): void {
    for (const name of names) this.#slots.boots(name, MAX_HOLD_MS);
  }

  /** Whose turn it is in the queue: higher first. One that boots is first: looking at it lets the next one begin. */
  orderOf(name: string, desired: Desired): number {
    if (this.#slots.holds(name)) return Number.MAX_SAFE_INTEGER;
    return priorityOf(desired);
  }

  stop(): void {
    this.#slots.stop();
  }

  #waitFor(name: string, others: readonly string[]): void {
    for (const other of this.#waitsFor.get(name) ?? []) {
      const dependents = this.#dependents.get(other);
      dependents?.delete(name);
      if (dependents?.size === 0) this.#dependents.delete(other);
    }
    if (others.length === 0) this.#waitsFor.delete(name);
    else this.#waitsFor.set(name, others);
    for (const other of others) {
      const dependents = this.#dependents.get(other) ?? new Set();
      this.#dependents.set(other, dependents.add(name));
    }
  }
}

/** A boot that takes longer hangs, or works without hurry. */
const MAX_HOLD_MS = 30_000;

function priorityOf(desired: Desired): number {
  return desired.state === 'present' ? desired.manifest.spec.priority : 0;
}

function holdMsOf({ timeoutStartSec }: Manifest['spec']): number {
  return Math.min(MAX_HOLD_MS, timeoutStartSec * 1000);
}

function defaultMaxBoots(): number {
  return Math.max(4, availableParallelism() * 2);
}
