import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const MAX_READ_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 16 * 1024;
/** For what is read at once: nobody else comes in between. */
const CHUNK = Buffer.allocUnsafe(CHUNK_BYTES);

let counter = 0;

/** Writes aside and renames: readers see the old text or the new one, and a crash leaves one of the two. */
export async function writeFileAtomically(path: string, text: string, mode = 0o644): Promise<void> {
  const aside = asideOf(path);
  if (isInMemory(path)) return writeNow(aside, path, text, mode);
  const file = await open(aside, NEW_FILE, mode);
  try {
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    // A disk that is full takes the name and not the text: each try would leave one more.
    await rm(aside, { force: true });
    throw error;
  }
}

/** The same where its directory may be missing: it is made, open to whom the file is open to. */
export async function putFile(path: string, text: string, mode = 0o644): Promise<void> {
  await makeDirectoryFor(path, mode | ((mode & 0o444) >> 2));
  await writeFileAtomically(path, text, mode);
}

/** A new name beside a file; what is left of it is removed at the next start. */
export function asideOf(path: string): string {
  return `${path}.${process.pid}.${counter++}.tmp`;
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

function writeNow(aside: string, path: string, text: string, mode: number): void {
  const file = openSync(aside, NEW_FILE, mode);
  try {
    try {
      writeFileSync(file, text);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

/** What a killed nspawnd had written aside and not renamed, in a directory where `writeFileAtomically` writes. */
export async function removeWrittenAside(directory: string): Promise<void> {
  const names = (await listDirectory(directory)).filter(name => WRITTEN_ASIDE.test(name));
  await Promise.all(names.map(name => removeFile(join(directory, name))));
}

const WRITTEN_ASIDE = /\.\d+\.\d+\.tmp$/;

/**
 * Text of a regular file; null where there is none, or where it is longer than 4 MiB. Never follows a symlink, never blocks.
 * `latin1` for what is somebody else's and is to be written back as it is, byte by byte.
 */
export async function readFileIfExists(
  path: string,
  maxBytes = MAX_READ_BYTES,
  encoding: 'utf8' | 'latin1' = 'utf8',
): Promise<string | null> {
  if (isQuickToRead(path)) return readNow(path, maxBytes, encoding);
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isNotToBeRead(error)) return null;
    throw error;
  }
  try {
    if (!(await file.stat()).isFile()) return null;
    return (await readAtMost(file, maxBytes))?.toString(encoding) ?? null;
  } finally {
    await file.close();
  }
}

/** All that there is to read; null: it is longer. Needs no size, which files of proc do not tell beforehand. */
export async function readAtMost(file: FileHandle, maxBytes: number): Promise<Buffer | null> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const chunks: Buffer[] = [];
  for (let length = 0; length <= maxBytes; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return Buffer.concat(chunks);
    // A copy: of proc the kernel gives a page at a time, whatever is asked for.
    chunks.push(Buffer.from(chunk.subarray(0, bytesRead)));
    length += bytesRead;
  }
  return null;
}

/** What is ours on disk is a few small files, which the kernel keeps in memory once it was asked for them. */
function isQuickToRead(path: string): boolean {
  return isInMemory(path) || path.startsWith('/var/lib/nspawnd/');
}

/**
 * Where no disk and no server is asked. Each question that goes to another thread costs several times what the kernel takes
 * to answer, and a look at a container has a dozen of them.
 */
function isInMemory(path: string): boolean {
  return IN_MEMORY.some(directory => path.startsWith(directory));
}

/** Not all of /run: anything may be mounted below it. */
const IN_MEMORY = ['/run/nspawnd/', '/run/systemd/system/', '/run/netns/', '/proc/', '/sys/class/net/'];

function readNow(path: string, maxBytes: number, encoding: 'utf8' | 'latin1'): string | null {
  let file: number;
  try {
    // Most of what is asked for is not there, and an error costs more than the question.
    if (lstatNow(path) === null) return null;
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isNotToBeRead(error)) return null;
    throw error;
  }
  try {
    if (!fstatSync(file).isFile()) return null;
    const chunks: Buffer[] = [];
    for (let length = 0; length <= maxBytes; ) {
      const bytesRead = readSync(file, CHUNK, 0, CHUNK.length, null);
      if (bytesRead === 0) return Buffer.concat(chunks).toString(encoding);
      chunks.push(Buffer.from(CHUNK.subarray(0, bytesRead)));
      length += bytesRead;
    }
    return null;
  } finally {
    closeSync(file);
  }
}

/** Removing what is gone is success. */
export async function removeFile(path: string): Promise<void> {
  try {
    if (!isInMemory(path)) await unlink(path);
    else if (lstatNow(path) !== null) unlinkSync(path);
  } catch (error) {
    if (!isNoSuchFile(error)) throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await lstatIfExists(path)) !== null;
}

export async function lstatIfExists(path: string): Promise<Stats | null> {
  try {
    return isQuickToRead(path) ? lstatNow(path) : await lstat(path);
  } catch (error) {
    if (isNoSuchFile(error)) return null;
    throw error;
  }
}

/** Null where there is no such name. */
function lstatNow(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

/** Names in a directory; none where there is no directory. */
export async function listDirectory(path: string): Promise<readonly string[]> {
  try {
    return isInMemory(path) ? readdirSync(path) : await readdir(path);
  } catch (error) {
    if (isNoSuchFile(error)) return [];
    throw error;
  }
}

export async function makeDirectoryFor(path: string, mode = 0o755): Promise<void> {
  const directory = dirname(path);
  if (!isInMemory(path)) await mkdir(directory, { recursive: true, mode });
  else if (lstatNow(directory) === null) mkdirSync(directory, { recursive: true, mode });
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** There is nothing, or it is a link or what nobody serves: never followed, and never waited for. */
function isNotToBeRead(error: unknown): boolean {
  return isNoSuchFile(error) || errorCode(error) === 'ELOOP' || errorCode(error) === 'ENXIO';
}

function isNoSuchFile(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
