import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { errorCode } from './files.ts';

/**
 * A file that another one is put in the place of. Whoever opened it before (an editor, a shell for its `>>`) goes on writing
 * into it, where nobody would ever read it: so it is held open and read again. Everything here is done in one breath.
 */
export class ReplacedFile {
  readonly #fd: number;
  #text: string | null = null;
  #stat: Stats | null = null;

  /** Before another takes its place; null where there is none. */
  static open(path: string): ReplacedFile | null {
    try {
      return new ReplacedFile(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** As it is now, byte by byte as latin1. */
  text(): string {
    const stat = fstatSync(this.#fd);
    const isSame =
      this.#stat !== null && this.#stat.size === stat.size && this.#stat.mtimeMs === stat.mtimeMs;
    if (this.#text !== null && isSame) return this.#text;
    this.#stat = stat;
    this.#text = readAll(this.#fd, stat.size);
    return this.#text;
  }

  /** Another name leads to it: what is written into it is that name's. */
  hasName(): boolean {
    return fstatSync(this.#fd).nlink > 0;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function readAll(fd: number, size: number): string {
  const bytes = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const read = readSync(fd, bytes, length, size - length, length);
    if (read === 0) break;
    length += read;
  }
  return bytes.toString('latin1', 0, length);
}
