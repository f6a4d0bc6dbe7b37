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
    const seen = settledStampOf(look(this.#directory));
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

/**
 * What was made of files that are read again and again: a file that nobody wrote since says what it said. Only for files in
 * memory, which are looked at at once.
 */
export class ReadOnce<T> {
  readonly #read: (path: string) => Promise<T>;
  readonly #known = new Map<string, { readonly stamp: string; readonly made: T }>();

  constructor(read: (path: string) => Promise<T>) {
    this.#read = read;
  }

  /** In the order of the paths; what was made of any other file is forgotten. */
  async all(paths: readonly string[]): Promise<readonly T[]> {
    const stamps = paths.map(path => settledStampOf(look(path)));
    const made = await Promise.all(
      paths.map(async (path, index) => {
        const known = this.#known.get(path);
        return known !== undefined && known.stamp === stamps[index] ? known.made : await this.#read(path);
      }),
    );
    this.#known.clear();
    for (const [index, path] of paths.entries()) {
      const [stamp = '', one] = [stamps[index], made[index]];
      if (stamp !== '' && one !== undefined) this.#known.set(path, { stamp, made: one });
    }
    return made;
  }
}

function look(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** Empty where there is nothing, or where another change may hide behind the same stamp. */
function settledStampOf(stats: BigIntStats | undefined): string {
  return stats !== undefined && Date.now() - Number(stats.ctimeMs) > TICK_MS ? textOf(stats) : '';
}

function textOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

/** The kernel's clock for files stands still for up to ten milliseconds: two changes in that time have one stamp. */
const TICK_MS = 50;
