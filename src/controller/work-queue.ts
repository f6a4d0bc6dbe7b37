import PQueue from 'p-queue';
import { EarliestTimers } from './earliest-timers.ts';
import type { LoopObserver, QueueFigures } from './ports.ts';

/**
 * Keys to look at, after client-go's work queue. A key is a name and nothing else: what has to be done is computed when
 * it is its turn.
 *
 * Invariants:
 * - a key is never worked on twice at once;
 * - a key that is added while it waits is worked on once;
 * - a key that is added while it is worked on is worked on exactly once more.
 * (p-queue caps how many run at once; it does not de-duplicate.)
 */
export class WorkQueue {
  readonly #queue: PQueue;
  readonly #work: (key: string) => Promise<void>;
  readonly #observer: LoopObserver | null;
  /** Of the keys that wait the one with the highest is first, else the one that came first. */
  readonly #order: (key: string) => number;
  /** Keys that have to be looked at, and since when. A key in here and not in `#processing` is in the queue exactly once. */
  readonly #dirty = new Map<string, number>();
  /** Keys being worked on, and since when. */
  readonly #processing = new Map<string, number>();
  /** Keys that come back by themselves. */
  readonly #delayed = new EarliestTimers(key => this.add(key));
  /** Keys of which something was heard that can wait for more. */
  readonly #gathered = new EarliestTimers(key => this.add(key));
  /** Who waits for the next look at a key. */
  readonly #waiters = new Map<string, readonly (() => void)[]>();
  #isStopped = false;

  /** `work` must not throw: errors are its business. */
  constructor(
    concurrency: number,
    work: (key: string) => Promise<void>,
    observer: LoopObserver | null = null,
    order: (key: string) => number = () => 0,
  ) {
    this.#queue = new PQueue({ concurrency });
    this.#work = work;
    this.#observer = observer;
    this.#order = order;
  }

  figures(): QueueFigures {
    const now = performance.now();
    return {
      waiting: this.#dirty.size,
      workers: this.#queue.concurrency,
      runningSeconds: [...this.#processing.values()].map(since => (now - since) / 1000),
    };
  }

  add(key: string): void {
    if (this.#isStopped || this.#dirty.has(key)) return;
    this.#dirty.set(key, performance.now());
    this.#observer?.onAdded();
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  /** Those that are first in order are also begun first. */
  addAll(keys: Iterable<string>): void {
    const ordered = [...keys].map(key => ({ key, order: this.#order(key) }));
    for (const { key } of ordered.sort((one, other) => other.order - one.order)) this.add(key);
  }

  /** Adds the key, and resolves when the look that this asks for is over. A queue that has stopped looks no more. */
  run(key: string): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise(resolve => {
      this.#waiters.set(key, [...(this.#waiters.get(key) ?? []), resolve]);
      this.add(key);
    });
  }

  /** Adds the key after a while, unless it is due earlier already. */
  addAfter(key: string, delayMs: number): void {
    if (!this.#isStopped) this.#delayed.set(key, delayMs);
  }

  /** Adds the key within a while, once for all that is heard of it until then. A look that begins meanwhile has seen it, too. */
  addWithin(key: string, delayMs: number): void {
    if (!this.#isStopped && !this.#dirty.has(key)) this.#gathered.set(key, delayMs);
  }

  /** A look at the key begins, perhaps in the middle of the work on it: it sees what could wait so far. */
  lookBegins(key: string): void {
    this.#gathered.clear(key);
  }

  /** Drops a timer: what it was to bring back has been looked at. */
  cancelDelayed(key: string): void {
    this.#delayed.clear(key);
  }

  /** Takes nothing more, and resolves when what is being worked on is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#delayed.clearAll();
    this.#gathered.clearAll();
    this.#queue.clear();
    await this.#queue.onIdle();
    for (const waiters of this.#waiters.values()) for (const resolve of waiters) resolve();
    this.#waiters.clear();
  }

  #enqueue(key: string): void {
    void this.#queue.add(() => this.#process(key), { priority: this.#order(key) });
  }

  async #process(key: string): Promise<void> {
    const now = performance.now();
    this.#observer?.onTaken((now - (this.#dirty.get(key) ?? now)) / 1000);
    this.#processing.set(key, now);
    this.#dirty.delete(key);
    this.lookBegins(key);
    const waiters = this.#waiters.get(key) ?? [];
    this.#waiters.delete(key);
    try {
      await this.#work(key);
    } finally {
      this.#processing.delete(key);
      this.#observer?.onDone((performance.now() - now) / 1000);
      for (const resolve of waiters) resolve();
      if (this.#dirty.has(key) && !this.#isStopped) this.#enqueue(key);
    }
  }
}
