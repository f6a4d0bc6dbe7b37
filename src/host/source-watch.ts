import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Manifest } from '../api/manifest.ts';
import { nixSourceOf } from '../api/nix-source.ts';

/** More watches than this are not needed to be quick; the re-list sees everything. */
const MAX_WATCHES = 1000;

/**
 * Wakes a container when the `path` or `config` of its manifest is replaced: a profile flips by a rename in its
 * directory. Only a wake-up, and only about that one name: what lies behind further links is found by the re-list.
 */
export class SourceWatch {
  readonly #onTrigger: (name: string) => void;
  readonly #watched = new Map<string, { readonly path: string; readonly watcher: FSWatcher }>();

  constructor(onTrigger: (name: string) => void) {
    this.#onTrigger = onTrigger;
  }

  /** Called at every look: does nothing while nothing changed. Null: there is nothing to watch. */
  set(name: string, path: string | null): void {
    const known = this.#watched.get(name);
    if (known?.path === path) return;
    known?.watcher.close();
    this.#watched.delete(name);
    if (path === null || this.#watched.size >= MAX_WATCHES) return;
    try {
      const watcher = watch(dirname(path), { persistent: false }, (_event, file) => {
        if (file === basename(path)) this.#onTrigger(name);
      });
      const forget = () => {
        if (this.#watched.get(name)?.watcher === watcher) this.#watched.delete(name);
      };
      // Its directory is gone: the next look tries again.
      watcher.on('error', forget);
      watcher.on('close', forget);
      this.#watched.set(name, { path, watcher });
    } catch {
      // There is no such directory yet, or no watch left: the re-list is the truth, ignoring.
    }
  }

  stop(): void {
    for (const { watcher } of [...this.#watched.values()]) watcher.close();
  }
}

/** What of a manifest lies outside of it and may be replaced: a profile, or a configuration. */
export function watchedPath({ name, spec }: Manifest): string | null {
  const source = nixSourceOf(name, spec);
  return source?.kind === 'closure' || source?.kind === 'file' ? source.path : null;
}
