import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  type FileHandle,
  lchown,
  lutimes,
  mkdir,
  open,
  opendir,
  rename,
  rmdir,
  symlink,
  unlink,
} from 'node:fs/promises';
import { errorCode } from './files.ts';
import { pathOfHandle } from './open-below.ts';
import { bytesToName, entryOf, nameToBytes } from './path-in-root.ts';

/**
 * New entries in a directory that somebody hostile may be changing meanwhile: everything is made by the name in an open
 * directory, exclusively and never through a link.
 */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface FileLook {
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since 1970; null: now. */
  readonly times: { readonly atime: number; readonly mtime: number } | null;
  /** Null: who writes. */
  readonly owner: Owner | null;
}

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_DIRECTORY } = constants;
const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** A name that nobody has yet, beside the one that something is to have when it is whole. */
export function asideName(): string {
  return `.nspawnctl-${randomBytes(6).toString('hex')}.part`;
}

/** Writes a new file; what is all zeros becomes a hole. On failure the name is free again. */
export async function writeNewFile(
  directory: FileHandle,
  name: string,
  contents: AsyncIterable<Buffer>,
  look: FileLook,
): Promise<void> {
  const file = await open(entryOf(directory, name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    try {
      let length = 0;
      for await (const chunk of contents) {
        await writeBlocks(file, chunk, length);
        length += chunk.length;
      }
      await file.truncate(length);
      await finish(file, look);
    } finally {
      await file.close();
    }
  } catch (error) {
    await unlink(entryOf(directory, name)).catch(() => undefined);
    throw error;
  }
}

export async function makeDirectory(parent: FileHandle, name: string): Promise<FileHandle> {
  await mkdir(entryOf(parent, name), 0o700);
  return open(entryOf(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

export async function makeLink(
  directory: FileHandle,
  name: string,
  target: string,
  { owner, times }: Pick<FileLook, 'owner' | 'times'>,
): Promise<void> {
  const entry = entryOf(directory, name);
  await symlink(nameToBytes(target), entry);
  if (owner !== null) await lchown(entry, owner.uid, owner.gid);
  if (times !== null) await lutimes(entry, times.atime, times.mtime);
}

/** Owner first: it takes bits of the mode away. */
export async function finish(handle: FileHandle, { mode, times, owner }: FileLook): Promise<void> {
  if (owner !== null) await handle.chown(owner.uid, owner.gid);
  await handle.chmod(mode);
  if (times !== null) await handle.utimes(times.atime, times.mtime);
}

export async function renameIn(directory: FileHandle, from: string, to: string): Promise<void> {
  await rename(entryOf(directory, from), entryOf(directory, to));
}

/** Removes an entry with all that is below it, through no link. What is gone is gone. */
export async function removeIn(directory: FileHandle, name: string): Promise<void> {
  try {
    await unlink(entryOf(directory, name));
    return;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    if (errorCode(error) !== 'EISDIR' && errorCode(error) !== 'EPERM') throw error;
  }
  const below = await open(entryOf(directory, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    for await (const entry of namesIn(below)) await removeIn(below, entry);
  } finally {
    await below.close();
  }
  await rmdir(entryOf(directory, name));
}

export async function* namesIn(directory: FileHandle): AsyncGenerator<string> {
  const listing = await opendir(`${pathOfHandle(directory)}/`, { encoding: 'latin1' });
  for await (const { name } of listing) yield bytesToName(nameToBytes(name));
}

async function writeBlocks(file: FileHandle, chunk: Buffer, at: number): Promise<void> {
  for (let from = 0; from < chunk.length; ) {
    const isHole = isZero(chunk, from);
    let to = from + BLOCK_BYTES;
    while (to < chunk.length && isZero(chunk, to) === isHole) to += BLOCK_BYTES;
    to = Math.min(to, chunk.length);
    for (let done = from; !isHole && done < to; ) {
      const { bytesWritten } = await file.write(chunk, done, to - done, at + done);
      done += bytesWritten;
    }
    from = to;
  }
}

function isZero(chunk: Buffer, from: number): boolean {
  const block = chunk.subarray(from, from + BLOCK_BYTES);
  return block.equals(block.length === BLOCK_BYTES ? ZEROS : ZEROS.subarray(0, block.length));
}
