import type { ContainerChange, ControlPort } from '../controller/ports.ts';

/** A change with the line that tells it, made once for all watchers and only when one reads it. */
export interface Told {
  readonly version: bigint;
  readonly name: string;
  line(): string;
}

/**
 * The newest changes, so that a watch that was cut off continues where it was. One per daemon, bounded; whoever comes
 * back from before its beginning (or from before the daemon's restart) is told to list again.
 */
export class WatchHistory {
  readonly #control: ControlPort;
  readonly #maxChanges: number;
  readonly #listeners = new Set<(told: Told) => void>();
  readonly #unwatch: () => void;
  #changes: Told[] = [];
  /** Everything after this version is in `#changes`. */
  #completeAfter: bigint;

  constructor(control: ControlPort, maxChanges: number) {
    this.#control = control;
    this.#maxChanges = maxChanges;
    this.#completeAfter = toVersion(control.resourceVersion());
    this.#unwatch = control.watch(change => this.#take(change));
  }

  /** The changes after a version, oldest first; null when not all of them are known any more, or it is not ours. */
  since(version: bigint): readonly Told[] | null {
    if (version < this.#completeAfter || version > toVersion(this.#control.resourceVersion())) return null;
    return this.#changes.filter(change => change.version > version);
  }

  subscribe(listener: (told: Told) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#unwatch();
    this.#listeners.clear();
    this.#changes = [];
  }

  #take(change: ContainerChange): void {
    const told = tell(change);
    this.#changes.push(told);
    if (this.#changes.length > this.#maxChanges) {
      const forgotten = this.#changes.shift();
      if (forgotten !== undefined) this.#completeAfter = forgotten.version;
    }
    for (const listener of this.#listeners) listener(told);
  }
}

export function tell(change: ContainerChange): Told {
  let line: string | undefined;
  return {
    version: toVersion(change.object.metadata.resourceVersion),
    name: change.object.metadata.name,
    line: () => {
      line ??= `${JSON.stringify({ type: change.type, object: change.object })}\n`;
      return line;
    },
  };
}

function toVersion(text: string): bigint {
  return /^\d{1,30}$/.test(text) ? BigInt(text) : 0n;
}
