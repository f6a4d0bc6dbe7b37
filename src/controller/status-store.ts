import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import type { Container, ContainerDetail } from '../api/container.ts';
import type { ContainerEvent } from '../api/event.ts';
import { appendEvent } from './event-log.ts';
import type { ContainerChange } from './ports.ts';
import type { EventFact } from './step-events.ts';

/** What was last said of each container, for people. Nothing is ever decided from it. */
export class StatusStore {
  readonly #containers = new Map<string, Container>();
  readonly #events = new Map<string, readonly ContainerEvent[]>();
  readonly #changes = new EventEmitter();
  readonly #saved = new Map<string, string>();
  readonly #save: (name: string, memory: string) => Promise<void>;
  /** Ascends also across restarts of nspawnd: microseconds when it started, then one more for each change. */
  #resourceVersion = Date.now() * 1000;

  /** `save` keeps what a restarted nspawnd wants to know again; its failures are its own business. */
  constructor(save: (name: string, memory: string) => Promise<void>) {
    this.#save = save;
    this.#changes.setMaxListeners(0);
  }

  list(): readonly Container[] {
    return [...this.#containers.values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  get(name: string): Container | null {
    return this.#containers.get(name) ?? null;
  }

  describe(name: string): ContainerDetail | null {
    const container = this.#containers.get(name);
    return container === undefined ? null : { container, events: this.#events.get(name) ?? [] };
  }

  resourceVersion(): string {
    return String(this.#resourceVersion);
  }

  watch(listener: (change: ContainerChange) => void): () => void {
    this.#changes.on('change', listener);
    return () => this.#changes.off('change', listener);
  }

  isKnown(name: string): boolean {
    return this.#events.has(name) || this.#containers.has(name);
  }

  /** Takes in a status; without a difference nobody hears of it. */
  async put(container: Container): Promise<void> {
    const { name } = container.metadata;
    const before = this.#containers.get(name);
    if (before !== undefined && isDeepStrictEqual(before, container)) return;
    const object = this.#stamp(container);
    this.#containers.set(name, object);
    this.#changes.emit('change', {
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      object,
    } satisfies ContainerChange);
    await this.#remember(name);
  }

  async record(name: string, fact: EventFact, now: string): Promise<void> {
    this.#events.set(name, appendEvent(this.#events.get(name) ?? [], fact, now));
    await this.#remember(name);
  }

  delete(name: string): void {
    const before = this.#containers.get(name);
    this.#containers.delete(name);
    this.#events.delete(name);
    this.#saved.delete(name);
    if (before === undefined) return;
    this.#changes.emit('change', { type: 'DELETED', object: this.#stamp(before) } satisfies ContainerChange);
  }

  /** What an earlier nspawnd said in this boot; text that cannot be understood is forgotten. */
  restore(name: string, memory: string | null): void {
    if (this.isKnown(name)) return;
    this.#events.set(name, []);
    if (memory === null) return;
    try {
      const { container, events } = JSON.parse(memory) as Partial<Memory>;
      if (container?.metadata.name === name && Array.isArray(container.status.conditions)) {
        this.#containers.set(name, this.#stamp(container));
      }
      if (Array.isArray(events)) this.#events.set(name, events.filter(isEvent));
    } catch {
      // Written by another version, or cut off: the status is computed anew anyway.
    }
  }

  #stamp(container: Container): Container {
    this.#resourceVersion++;
    return { ...container, metadata: { ...container.metadata, resourceVersion: this.resourceVersion() } };
  }

  async #remember(name: string): Promise<void> {
    const container = this.#containers.get(name);
    const memory = JSON.stringify({ container, events: this.#events.get(name) ?? [] });
    if (this.#saved.get(name) === memory) return;
    this.#saved.set(name, memory);
    await this.#save(name, memory);
  }
}

interface Memory {
  readonly container: Container | undefined;
  readonly events: readonly ContainerEvent[];
}

function isEvent(value: unknown): value is ContainerEvent {
  const event = value as Partial<ContainerEvent> | null;
  return (
    typeof event?.reason === 'string' && typeof event.message === 'string' && typeof event.count === 'number'
  );
}
