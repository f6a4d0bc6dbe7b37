import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, statfs } from 'node:fs/promises';
import { NspawndError } from '../errors.ts';
import { errorCode } from './files.ts';
import { O_PATH, pathOfHandle } from './open-below.ts';
import { bytesToName, entryOf, shownName } from './path-in-root.ts';
import {
  asideName,
  type FileLook,
  finish,
  makeDirectory,
  makeLink,
  namesIn,
  type Owner,
  removeIn,
  renameIn,
  writeNewFile,
} from './write-aside.ts';

/**
 * Copies files and directories from one root into another, either of which may be a hostile guest's that changes it
 * meanwhile.
 *
 * Architecture invariant: nothing is read or written through a link, and nothing but regular files is opened. What has its
 * final name is whole: it was written aside and renamed.
 */
export interface CopyTask {
  /** Of what is made; null: who copies. */
  readonly owner: Owner | null;
  /** Links that lead out of what is copied are left out: on a host they would lead somewhere else. */
  readonly onlyInnerLinks: boolean;
  readonly signal: AbortSignal;
  /** Told what is not copied, and why. */
  onSkip(path: string, why: string): void;
  /** Told how much more there is. */
  onProgress(bytes: number, files: number): void;
}

const MAX_DEPTH = 200;
const MAX_ENTRIES = 2_000_000;
/** What says that it is empty and is not, as the files of /proc. */
const MAX_UNSIZED_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** Smaller ones are not worth looking for room. */
const BIG_BYTES = 1024 * 1024;

export class TreeCopy {
  readonly #task: CopyTask;
  #entries = 0;
  /** What we make ourselves is not copied into itself. */
  #own = '';

  constructor(task: CopyTask) {
    this.#task = task;
  }

  /** `source`: a handle on a file or directory; `path`: what people call it. */
  async copy(source: FileHandle, directory: FileHandle, name: string, path: string): Promise<void> {
    const stats = await source.stat();
    if (stats.isDirectory()) await this.#directory(source, stats, directory, name, path, 0, false);
    else if (stats.isFile()) await this.#file(source, stats, directory, name, false);
    else throw new NspawndError('FileError', `${path}: neither a file nor a directory`);
  }

  /** A new file from what comes, whatever that is. */
  async write(contents: AsyncIterable<Buffer>, directory: FileHandle, name: string): Promise<void> {
    const look = { mode: 0o644, times: null, owner: this.#task.owner };
    await this.#aside(directory, name, aside =>
      writeNewFile(directory, aside, this.#counted(contents), look),
    );
  }

  /** Bytes of a regular file, as many as it has when this begins. */
  async *contents(source: FileHandle, { size }: Pick<Stats, 'size'>): AsyncGenerator<Buffer> {
    const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
    const file = await open(pathOfHandle(source), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    try {
      const limit = size === 0 ? MAX_UNSIZED_BYTES : size;
      const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, limit));
      for (let done = 0; done < limit; ) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, limit - done), null);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
        done += bytesRead;
      }
      if (size === 0) throw new NspawndError('FileError', 'a file without a size and without an end');
    } finally {
      await file.close();
    }
  }

  async #entry(
    from: FileHandle,
    fromName: string,
    to: FileHandle,
    path: string,
    depth: number,
    isHidden: boolean,
  ): Promise<void> {
    this.#task.signal.throwIfAborted();
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES)
      throw new NspawndError('FileError', `more than ${MAX_ENTRIES} files; something makes them without end`);
    const source = await open(entryOf(from, fromName), O_PATH | constants.O_NOFOLLOW).catch(ifGone);
    // Who lives there may have removed it since.
    if (source === null) return;
    try {
      const stats = await source.stat();
      if (stats.isDirectory()) await this.#directory(source, stats, to, fromName, path, depth, isHidden);
      else if (stats.isFile()) await this.#file(source, stats, to, fromName, isHidden);
      else if (stats.isSymbolicLink()) await this.#link(stats, from, fromName, to, path, depth, isHidden);
      else this.#task.onSkip(path, 'neither a file, a directory nor a link');
    } finally {
      await source.close();
    }
  }

  async #file(
    source: FileHandle,
    stats: Stats,
    directory: FileHandle,
    name: string,
    isHidden: boolean,
  ): Promise<void> {
    await checkRoom(stats, directory);
    const make = (as: string) =>
      writeNewFile(directory, as, this.#counted(this.contents(source, stats)), this.#look(stats));
    if (isHidden) await make(name);
    else await this.#aside(directory, name, make);
    this.#task.onProgress(0, 1);
  }

  async #directory(
    source: FileHandle,
    stats: Stats,
    parent: FileHandle,
    name: string,
    path: string,
    depth: number,
    isHidden: boolean,
  ): Promise<void> {
    if (`${stats.dev}:${stats.ino}` === this.#own) return;
    if (depth >= MAX_DEPTH) throw new NspawndError('FileError', `${path}: too deep`);
    const existing = isHidden ? null : await openDirectory(parent, name);
    if (existing !== null) {
      try {
        await this.#fill(source, existing, path, depth, false);
      } finally {
        await existing.close();
      }
      return;
    }
    const make = async (as: string) => {
      const made = await makeDirectory(parent, as);
      try {
        if (!isHidden) {
          const { dev, ino } = await made.stat();
          this.#own = `${dev}:${ino}`;
        }
        await this.#fill(source, made, path, depth, true);
        await finish(made, this.#look(stats));
      } finally {
        await made.close();
      }
    };
    if (isHidden) await make(name);
    else await this.#aside(parent, name, make);
  }

  async #fill(
    source: FileHandle,
    target: FileHandle,
    path: string,
    depth: number,
    isHidden: boolean,
  ): Promise<void> {
    const listing = await open(`${pathOfHandle(source)}/`, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      for await (const name of namesIn(listing))
        await this.#entry(listing, name, target, `${path}/${shownName(name)}`, depth + 1, isHidden);
    } finally {
      await listing.close();
    }
  }

  async #link(
    stats: Stats,
    from: FileHandle,
    name: string,
    to: FileHandle,
    path: string,
    depth: number,
    isHidden: boolean,
  ): Promise<void> {
    const target = bytesToName(await readlink(entryOf(from, name), { encoding: 'buffer' }));
    if (this.#task.onlyInnerLinks && !staysInside(target, depth - 1)) {
      this.#task.onSkip(path, `a link that leads out: ${shownName(target)}`);
      return;
    }
    const make = (as: string) => makeLink(to, as, target, this.#look(stats));
    if (isHidden) await make(name);
    else await this.#aside(to, name, make);
    this.#task.onProgress(0, 1);
  }

  /** Makes it under another name, and gives it its own when it is whole; on failure nothing is left. */
  async #aside(directory: FileHandle, name: string, make: (as: string) => Promise<void>): Promise<void> {
    const aside = asideName();
    try {
      await make(aside);
      this.#task.signal.throwIfAborted();
      await renameIn(directory, aside, name);
    } catch (error) {
      await removeIn(directory, aside).catch(() => undefined);
      throw error;
    }
  }

  async *#counted(contents: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of contents) {
      this.#task.signal.throwIfAborted();
      yield chunk;
      this.#task.onProgress(chunk.length, 0);
    }
  }

  /** Without setuid, setgid and sticky: whom they would serve is another one's decision. */
  #look({ mode, atimeMs, mtimeMs }: Stats): FileLook {
    const times = { atime: atimeMs / 1000, mtime: mtimeMs / 1000 };
    return { mode: mode & 0o777, times, owner: this.#task.owner };
  }
}

/**
 * Whether a link in a copied tree, `depth` directories below its top, leads to something in it, whatever other such links
 * there are: it goes up only at its beginning, where the way is no link's.
 */
export function staysInside(target: string, depth: number): boolean {
  if (target.startsWith('/')) return false;
  const words = target.split('/').filter(word => word !== '' && word !== '.');
  const down = words.findIndex(word => word !== '..');
  const ups = down === -1 ? words.length : down;
  return ups <= depth && !words.slice(ups).includes('..');
}

async function openDirectory(parent: FileHandle, name: string): Promise<FileHandle | null> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  return open(entryOf(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(error => {
    // What is there and no directory is refused when the name is to be taken.
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error))) return null;
    throw error;
  });
}

/** A guest's file must not fill the host's disk before it is noticed that it does not fit. */
async function checkRoom({ size, blocks }: Stats, directory: FileHandle): Promise<void> {
  const bytes = Math.min(size, blocks * 512);
  if (bytes < BIG_BYTES) return;
  const { bavail, bsize } = await statfs(`${pathOfHandle(directory)}/`);
  if (bytes <= bavail * bsize) return;
  throw new NspawndError('FileError', `no room for ${bytes} bytes, of which ${bavail * bsize} are free`);
}

function ifGone(error: unknown): null {
  if (errorCode(error) === 'ENOENT') return null;
  throw error;
}
