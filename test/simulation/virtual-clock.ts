/**
 * Time that passes only when it is told to. While it is installed, `setTimeout`, `Date` and `performance.now()` of the whole
 * process are its own, so that production code waits for a backoff of minutes in no time, and always the same way.
 */
export class VirtualClock {
  /** Milliseconds since the life began; nobody sets this clock. */
  nowMs = 0;
  /** The wall clock's distance from it: people, and NTP, set that one. */
  wallOffsetMs = EPOCH_MS;
  readonly #timers = new Set<VirtualTimer>();
  #lastOrder = 0;
  #uninstall: (() => void) | null = null;

  wallMs(): number {
    return this.wallOffsetMs + this.nowMs;
  }

  after(delayMs: number, call: () => void): VirtualTimer {
    const dueAt = this.nowMs + Math.max(0, Number.isFinite(delayMs) ? delayMs : 0);
    const timer = new VirtualTimer(dueAt, ++this.#lastOrder, call);
    this.#timers.add(timer);
    return timer;
  }

  cancel(timer: VirtualTimer): void {
    this.#timers.delete(timer);
  }

  /** When the next thing is due; infinity: never. */
  nextDueAt(): number {
    return this.#next()?.dueAt ?? Number.POSITIVE_INFINITY;
  }

  /** Moves on to what is due next, and lets it happen. Things of one moment happen in the order in which they were asked for. */
  step(): void {
    const next = this.#next();
    if (next === null) return;
    this.#timers.delete(next);
    this.nowMs = Math.max(this.nowMs, next.dueAt);
    next.call();
  }

  install(): void {
    const { setTimeout, clearTimeout } = globalThis;
    const RealDate = Date;
    const now = Object.getOwnPropertyDescriptor(performance, 'now');
    const wallMs = () => this.wallMs();
    // Code that asks for a date that it names gets the real thing.
    const VirtualDate = new Proxy(RealDate, {
      construct: (_, given) => new RealDate(...((given.length === 0 ? [wallMs()] : given) as [number])),
      get: (_, key) => (key === 'now' ? wallMs : Reflect.get(RealDate, key)),
    });
    const virtual = {
      setTimeout: (call: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
        this.after(delayMs, () => call(...args)),
      clearTimeout: (timer: unknown) => {
        if (timer instanceof VirtualTimer) this.cancel(timer);
      },
      Date: VirtualDate,
    };
    Object.assign(globalThis, virtual);
    Object.defineProperty(performance, 'now', { configurable: true, value: () => this.nowMs });
    this.#uninstall = () => {
      Object.assign(globalThis, { setTimeout, clearTimeout, Date: RealDate });
      if (now === undefined) Reflect.deleteProperty(performance, 'now');
      else Object.defineProperty(performance, 'now', now);
    };
  }

  uninstall(): void {
    this.#uninstall?.();
    this.#uninstall = null;
    this.#timers.clear();
  }

  /** There are a few dozen at most. */
  #next(): VirtualTimer | null {
    let next: VirtualTimer | null = null;
    for (const timer of this.#timers)
      if (
        next === null ||
        timer.dueAt < next.dueAt ||
        (timer.dueAt === next.dueAt && timer.order < next.order)
      )
        next = timer;
    return next;
  }
}

/** What `setTimeout` answers. */
class VirtualTimer {
  readonly dueAt: number;
  readonly order: number;
  readonly call: () => void;

  constructor(dueAt: number, order: number, call: () => void) {
    this.dueAt = dueAt;
    this.order = order;
    this.call = call;
  }

  unref(): this {
    return this;
  }

  ref(): this {
    return this;
  }
}

const EPOCH_MS = Date.parse('2026-01-02T03:04:05Z');
const realSetImmediate = setImmediate;

/** Lets everything that does not wait for time come to its end. */
export function turn(): Promise<void> {
  return new Promise(resolve => realSetImmediate(resolve));
}
