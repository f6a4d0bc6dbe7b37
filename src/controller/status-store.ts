import { EventEmitter } from 'node:events';
import type { Container, ContainerDetail } from '../api/container.ts';
import type { ContainerEvent, EventObject } from '../api/event.ts';
import { appendEvent } from './event-log.ts';
import { eventObject, type RecordedEvent } from './event-object.ts';
import type { ObjectChange } from './ports.ts';
import type { EventFact } from './step-events.ts';

/** What was last said of each container, for people. Nothing is ever decided from it. */
export class StatusStore {
  readonly #containers = new Map<string, Container>();
  readonly #events = new Map<string, readonly RecordedEvent[]>();
  readonly #changes = new EventEmitter<{
    readonly container: [ObjectChange<Container>];
    readonly event: [ObjectChange<EventObject>];
  }>();
  readonly #texts = new WeakMap<Container, string>();
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
    const events = (this.#events.get(name) ?? []).map(({ resourceVersion: _version, ...event }) => event);
    return container === undefined ? null : { container, events };
  }

  resourceVersion(): string {
    return String(this.#resourceVersion);
  }

  watch(listener: (change: ObjectChange<Container>) => void): () => void {
    this.#changes.on('container', listener);
    return () => this.#changes.off('container', listener);
  }

  /** The history of every container, oldest first. */
  events(): readonly EventObject[] {
    return [...this.#events]
      .flatMap(([name, events]) => events.map(event => this.#eventObject(name, event)))
      .sort((a, b) => (a.lastTimestamp < b.lastTimestamp ? -1 : 1));
  }

  watchEvents(listener: (change: ObjectChange<EventObject>) => void): () => void {
    this.#changes.on('event', listener);
    return () => this.#changes.off('event', listener);
  }

  isKnown(name: string): boolean {
    return this.#events.has(name) || this.#containers.has(name);
  }

  /** Takes in a status; without a difference nobody hears of it. */
  async put(container: Container): Promise<void> {
    const { name } = container.metadata;
    const before = this.#containers.get(name);
    // As text, which is what anybody hears of it, and told apart in a fraction of the time.
    if (before !== undefined && this.#textOf(before) === JSON.stringify(container)) return;
    const object = this.#stamp(container);
    this.#containers.set(name, object);
    this.#changes.emit('container', {
      type: before === undefined ? 'ADDED' : 'MODIFIED',
      object,
      before: before ?? null,
    });
    await this.#remember(name);
  }

  async record(name: string, fact: EventFact, now: string): Promise<void> {
    const before = this.#events.get(name) ?? [];
    const { others, event, repeated } = appendEvent(before, fact, now);
    const recorded = { ...event, resourceVersion: this.#nextVersion() };
    this.#events.set(name, [...others, recorded]);
    this.#tellEvent(repeated === null ? 'ADDED' : 'MODIFIED', name, recorded, repeated ?? undefined);
    for (const gone of before) {
      if (gone !== repeated && !others.includes(gone)) this.#tellEventGone(name, gone);
    }
    await this.#remember(name);
  }

  delete(name: string): void {
    const before = this.#containers.get(name);
    for (const event of this.#events.get(name) ?? []) this.#tellEventGone(name, event);
    this.#containers.delete(name);
    this.#events.delete(name);
    this.#saved.delete(name);
    if (before === undefined) return;
    this.#changes.emit('container', { type: 'DELETED', object: this.#stamp(before), before });
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
      if (Array.isArray(events))
        this.#events.set(
          name,
          events.filter(isEvent).map(event => ({ ...event, resourceVersion: this.#nextVersion() })),
        );
    } catch {
      // Written by another version, or cut off: the status is computed anew anyway.
    }
  }

  #eventObject(name: string, event: RecordedEvent): EventObject {
    return eventObject(name, this.#containers.get(name)?.metadata.uid ?? '', event);
  }

  #tellEvent(
    type: 'ADDED' | 'MODIFIED' | 'DELETED',
    name: string,
    event: RecordedEvent,
    before?: RecordedEvent,
  ): void {
    if (this.#changes.listenerCount('event') === 0) return;
    const object = this.#eventObject(name, event);
    this.#changes.emit('event', {
      type,
      object,
      before: before === undefined ? null : this.#eventObject(name, before),
    });
  }

  #tellEventGone(name: string, event: RecordedEvent): void {
    this.#tellEvent('DELETED', name, { ...event, resourceVersion: this.#nextVersion() }, event);
  }

  #nextVersion(): string {
    this.#resourceVersion++;
    return this.resourceVersion();
  }

  #stamp(container: Container): Container {
    return { ...container, metadata: { ...container.metadata, resourceVersion: this.#nextVersion() } };
  }

  #textOf(container: Container): string {
    const text = this.#texts.get(container) ?? JSON.stringify(container);
    this.#texts.set(container, text);
    return text;
  }

  async #remember(name: string): Promise<void> {
    const container = this.#containers.get(name);
    const events = `"events":${JSON.stringify(this.#events.get(name) ?? [])}`;
    const memory =
      container === undefined ? `{${events}}` : `{"container":${this.#textOf(container)},${events}}`;
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
