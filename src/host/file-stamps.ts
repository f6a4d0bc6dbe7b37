import { lstatSync } from 'node:fs';

/** Equal while it is the same file and nobody wrote; empty where there is none. */
export function stampOf(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/**
 * Stamps of the files of one directory, in which files only come and go (one that is replaced does both): while nothing did,
 * all of them are as they were, and a look at the directory is a look at all of them.
 */
export class DirectoryStamps {
  readonly #directory: string;
  readonly #stamps = new Map<string, string>();
  #seen = '';

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Before `of` is asked again. */
  look(): void {
    const changedMs = lstatSync(this.#directory, { throwIfNoEntry: false })?.mtimeMs ?? Number.NaN;
    const isSettled = Date.now() - changedMs > TICK_MS;
    const seen = isSettled ? stampOf(this.#directory) : '';
    if (seen === '' || seen !== this.#seen) this.#stamps.clear();
    this.#seen = seen;
  }

  /** As of the last look, or of later. */
  of(file: string): string {
    const known = this.#stamps.get(file);
    if (known !== undefined) return known;
    const stamp = stampOf(`${this.#directory}/${file}`);
    this.#stamps.set(file, stamp);
    return stamp;
  }
}

/** The kernel's clock for files stands still for up to ten milliseconds: two changes in that time have one stamp. */
const TICK_MS = 50;
