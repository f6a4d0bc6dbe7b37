import { constants } from 'node:fs';
import { type FileHandle, open, readlink, stat } from 'node:fs/promises';
import { NspawndError } from '../errors.ts';
import { errorCode } from './files.ts';
import { O_PATH, pathOfHandle } from './open-below.ts';

/**
 * Names of files are bytes: they are kept as text of one character a byte (`latin1`), and shown as UTF-8.
 */
export function nameToBytes(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}

export function bytesToName(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** For people. */
export function shownName(name: string): string {
  return nameToBytes(name).toString('utf8');
}

/** The path of an entry of an open directory, which no rename and no link elsewhere can lead astray. */
export function entryOf(directory: FileHandle, name: string): Buffer {
  if (name === '' || name === '.' || name === '..' || name.includes('/'))
    throw new NspawndError('UnsafePath', `not the name of a file: ${JSON.stringify(shownName(name))}`);
  return Buffer.concat([Buffer.from(`${pathOfHandle(directory)}/`), nameToBytes(name)]);
}

/** What a path leads to. Its handles are open (O_PATH) until `close`. */
export interface Found {
  /** `missing`: its directory is there. `other`: a device, a socket or a FIFO. */
  readonly is: 'directory' | 'file' | 'other' | 'missing';
  /** On the thing itself; null: missing. */
  readonly handle: FileHandle | null;
  /** Its directory; null: it is the root itself, or was reached by its own name's end, as `a/..`. */
  readonly parent: FileHandle | null;
  readonly name: string;
  close(): Promise<void>;
}

const MAX_LINKS = 40;
const DIRECTORY = constants.O_DIRECTORY | O_PATH;

/**
 * Finds what a path leads to below a root as somebody inside would: links are followed, and none leads out, because each is
 * read here and its text walked from here. Safe also while who is inside changes everything: each step is from an open
 * directory to an entry of it, never through a link, and `..` is a step back on the way that was come.
 */
export async function findInRoot(root: FileHandle, path: string): Promise<Found> {
  const way: { readonly handle: FileHandle; readonly name: string }[] = [];
  const here = () => way.at(-1)?.handle ?? root;
  const todo = bytesToName(Buffer.from(path)).split('/');
  let links = 0;
  const leave = async () => void (await way.pop()?.handle.close());
  const close = async () => {
    while (way.length > 0) await leave();
  };
  try {
    for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        await leave();
        continue;
      }
      const isLast = todo.every(rest => rest === '' || rest === '.');
      const handle = await openEntry(here(), name);
      if (handle === null) {
        if (!isLast) throw notThere(path);
        return { is: 'missing', handle: null, parent: here(), name, close };
      }
      way.push({ handle, name });
      const stats = await handle.stat();
      if (stats.isDirectory()) continue;
      if (!stats.isSymbolicLink()) {
        if (!isLast || todo.length > 0) throw new NspawndError('FileError', `${path}: not a directory`);
        const parent = way.at(-2)?.handle ?? root;
        return { is: stats.isFile() ? 'file' : 'other', handle, parent, name, close };
      }
      await leave();
      links += 1;
      if (links > MAX_LINKS) throw new NspawndError('FileError', `${path}: too many links`);
      const target = bytesToName(await readlink(entryOf(here(), name), { encoding: 'buffer' }));
      if (target.startsWith('/')) await close();
      todo.unshift(...target.split('/'));
    }
    const last = way.at(-1);
    const itself = last?.handle ?? (await open(`${pathOfHandle(root)}/`, DIRECTORY));
    if (last === undefined) way.push({ handle: itself, name: '' });
    const parent = last === undefined ? null : (way.at(-2)?.handle ?? root);
    return { is: 'directory', handle: itself, parent, name: last?.name ?? '', close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A guest's root: `/proc/LEADER/root`, or the tree of one that is down. Never the host's own, also when the leader's number
 * has become another process' meanwhile.
 */
export async function openGuestRoot(root: string): Promise<FileHandle> {
  const isMagic = /^\/proc\/\d+\/root$/.test(root);
  const handle = await open(root, isMagic ? DIRECTORY : DIRECTORY | constants.O_NOFOLLOW);
  const [its, ours] = await Promise.all([handle.stat({ bigint: true }), stat('/', { bigint: true })]);
  if (its.dev !== ours.dev || its.ino !== ours.ino) return handle;
  await handle.close();
  throw new NspawndError('UnsafePath', `${root} is the root of this host`);
}

/** Null where there is none. A link is opened, not followed. */
async function openEntry(directory: FileHandle, name: string): Promise<FileHandle | null> {
  try {
    return await open(entryOf(directory, name), O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function notThere(path: string): NspawndError {
  return new NspawndError('FileError', `${path}: no such file or directory`);
}
