import type { ControlPort, ObjectChange } from '../controller/ports.ts';
import { type Form, type Include, shape } from './form.ts';
import type { ApiObject, Kind } from './kind.ts';
import type { Limits } from './limits.ts';
import { isWanted, type Selection } from './selection.ts';

/** A change with the lines that tell it, made only when one reads it. */
export interface Told {
  readonly version: bigint;
  /** Null: this selection sees nothing of it. */
  lineFor(selection: Selection, form: Form, include: Include): string | null;
}

/**
 * The newest changes of one kind, so that a watch that was cut off continues where it was. One per daemon, bounded;
 * whoever comes back from before its beginning (or from before the daemon's restart) is told to list again.
 */
export class WatchHistory<T extends ApiObject = ApiObject> {
  readonly kind: Kind<T>;
  readonly #control: ControlPort;
  readonly #limits: HistoryLimits;
  readonly #listeners = new Set<(told: Told) => void>();
  readonly #unwatch: () => void;
  #changes: Kept[] = [];
  #length = 0;
  /** Everything after this version is in `#changes`. */
  #completeAfter: bigint;

  constructor(kind: Kind<T>, control: ControlPort, limits: HistoryLimits) {
    this.kind = kind;
    this.#control = control;
    this.#limits = limits;
    this.#completeAfter = toVersion(control.resourceVersion());
    this.#unwatch = kind.watch(control, change => this.#take(change));
  }

  /** All that is, as if each had just come. */
  everything(): readonly Told[] {
    return this.kind
      .list(this.#control)
      .map(object => tell(this.kind, { type: 'ADDED', object, before: null }, null));
  }

  /** The changes after a version, oldest first; null when not all of them are known any more, or it is not ours. */
  since(version: bigint): readonly Told[] | null {
    if (version < this.#completeAfter || version > toVersion(this.#control.resourceVersion())) return null;
    return this.#changes.map(({ told }) => told).filter(told => told.version > version);
  }

  subscribe(listener: (told: Told) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#unwatch();
    this.#listeners.clear();
    this.#changes = [];
    this.#length = 0;
  }

  #take(change: ObjectChange<T>): void {
    // Whoever comes back later has the lines made again: kept, they would be most of what is remembered.
    const kept = { told: tell(this.kind, change, null), length: JSON.stringify(change.object).length };
    this.#changes.push(kept);
    this.#length += kept.length;
    while (this.#isTooMuch()) {
      const forgotten = this.#changes.shift();
      if (forgotten === undefined) break;
      this.#length -= forgotten.length;
      this.#completeAfter = forgotten.told.version;
    }
    const told = tell(this.kind, change, new Map());
    for (const listener of this.#listeners) listener(told);
  }

  #isTooMuch(): boolean {
    const { historyChanges, historyLength } = this.#limits;
    return this.#changes.length > historyChanges || this.#length > historyLength;
  }
}

type HistoryLimits = Pick<Limits, 'historyChanges' | 'historyLength'>;

interface Kept {
  readonly told: Told;
  /** Of the object as JSON. */
  readonly length: number;
}

function tell<T extends ApiObject>(
  kind: Kind<T>,
  { type, object, before }: ObjectChange<T>,
  lines: Map<string, string> | null,
): Told {
  return {
    version: toVersion(object.metadata.resourceVersion),
    lineFor: (selection, form, include) => {
      const seen = typeFor(
        type,
        isWanted(kind, object, selection),
        before !== null && isWanted(kind, before, selection),
      );
      if (seen === null) return null;
      const key = `${seen} ${form} ${include}`;
      const known = lines?.get(key);
      if (known !== undefined) return known;
      const shaped = shape(kind, object, form, include, Date.now());
      const line = `${JSON.stringify({ type: seen, object: shaped })}\n`;
      lines?.set(key, line);
      return line;
    },
  };
}

/** Through a selector, an object that starts to match has come, and one that does not match any more has gone. */
function typeFor(
  type: ObjectChange<unknown>['type'],
  isIn: boolean,
  wasIn: boolean,
): ObjectChange<unknown>['type'] | null {
  if (type !== 'MODIFIED') return isIn ? type : null;
  if (isIn) return wasIn ? 'MODIFIED' : 'ADDED';
  return wasIn ? 'DELETED' : null;
}

function toVersion(text: string): bigint {
  return /^\d{1,30}$/.test(text) ? BigInt(text) : 0n;
}
