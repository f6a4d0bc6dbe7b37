import { type BigIntStats, lstatSync } from 'node:fs';

/** Equal while it is the same file and nobody wrote; empty where there is none. */
export function stampOf(path: string): string {
  const stats = look(path);
  return stats === undefined ? '' : textOf(stats);
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
    const stats = look(this.#directory);
    const isSettled = stats !== undefined && Date.now() - Number(stats.mtimeMs) > TICK_MS;
    const seen = isSettled ? textOf(stats) : '';
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

function look(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

function textOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/** The kernel's clock for files stands still for up to ten milliseconds: two changes in that time have one stamp. */
const TICK_MS = 50;
