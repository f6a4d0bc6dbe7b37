import { randomBytes } from 'node:crypto';
import { readdir, readlink, realpath, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../errors.ts';
import { run } from './command.ts';
import { lstatIfExists } from './files.ts';
import {
  guestMounts,
  hostMounts,
  isAtOrBelow,
  type Mount,
  placeInFileSystem,
  processPerMountNamespace,
} from './mounts.ts';

/**
 * Deleting a root: `nspawnctl destroy`, and nothing else in nspawnd.
 *
 * Architecture invariant: nothing is deleted that is mounted, runs, or lies behind a symlink.
 */

/** A root as it is about to be deleted. `null`: there is none. `maxMountsBytes`: of the mounts of one process. */
export async function inspectRoot(
  root: string,
  maxMountsBytes = MAX_MOUNTS_BYTES,
): Promise<RootInspection | null> {
  const stat = await lstatIfExists(root);
  if (stat === null) return null;
  const path = join(await realpath(dirname(root)), basename(root));
  const never = (objection: string): RootInspection => ({ path, objection, maySubside: false });
  if (stat.isSymbolicLink()) return never(`${root} is a symbolic link; remove it by hand`);
  if (!stat.isDirectory()) return never(`${root} is not a directory; remove it by hand`);
  const mounts = await hostMounts();
  const mount = findMount(path, mounts);
  if (mount !== null) return never(mount);
  const user = (await findGuest(path, mounts, maxMountsBytes)) ?? (await findProcess(path));
  return { path, objection: user, maySubside: user !== null };
}

export interface RootInspection {
  /** Where it really is. */
  readonly path: string;
  /** Why it must not be deleted now; null: nothing is in the way. */
  readonly objection: string | null;
  /** What is in the way is a process, such as the container itself before it is stopped. */
  readonly maySubside: boolean;
}

/**
 * Moves the root aside and deletes it there, so that nobody ever finds half of one under its name. `onAside` is told where
 * it is meanwhile: what is left if this is interrupted. `path` is a real one, from `inspectRoot`. What speaks against it is
 * asked once more when nobody can find it any more: then it comes back as it was, and the answer is that. Null: it is gone.
 */
export async function removeRoot(
  path: string,
  onAside: (aside: string) => void,
  objection: () => Promise<string | null>,
): Promise<string | null> {
  const aside = join(dirname(path), `.destroyed-${basename(path)}-${randomBytes(4).toString('hex')}`);
  await rename(path, aside);
  onAside(aside);
  const found = await objectionTo(aside, objection);
  if (found !== null) {
    await rename(aside, path);
    return found;
  }
  await removeTree(aside);
  return null;
}

async function objectionTo(aside: string, objection: () => Promise<string | null>): Promise<string | null> {
  try {
    return (await objection()) ?? (await inspectRoot(aside))?.objection ?? null;
  } catch (error) {
    return `whether it is used cannot be found out: ${messageOf(error)}`;
  }
}

/** Removing what is gone is success. */
export async function removeTree(path: string): Promise<void> {
  await makeMutable(path);
  await run('rm', ['-rf', '--one-file-system', '--', path], { timeoutMs: NO_LIMIT });
}

/** How much is in it, if that can be said at once; for people. */
export async function sizeOf(path: string): Promise<number | null> {
  try {
    const { stdout } = await run('du', ['-skx', '--', path], { timeoutMs: SIZE_TIMEOUT_MS, accept: [0, 1] });
    const kibibytes = Number(stdout.split('\t')[0]);
    return Number.isFinite(kibibytes) ? kibibytes * 1024 : null;
  } catch {
    // It would only have been nice to know, ignoring.
    return null;
  }
}

const NO_LIMIT = 0;
/** Services of the host have what the host has, which may be much. */
const MAX_MOUNTS_BYTES = 16 * 1024 * 1024;
const SIZE_TIMEOUT_MS = 1500;

/** A mount at or below it, or of it elsewhere. */
function findMount(path: string, mounts: readonly Mount[]): string | null {
  const inside = mounts.find(({ mountPoint }) => isAtOrBelow(mountPoint, path));
  if (inside !== undefined) return `${inside.mountPoint} is a mount point; run: umount ${inside.mountPoint}`;
  const elsewhere = findMountOf(placeInFileSystem(path, mounts), mounts);
  if (elsewhere === null) return null;
  return `${path} is also mounted at ${elsewhere.mountPoint}; run: umount ${elsewhere.mountPoint}`;
}

/** A process with mounts of its own, as a guest is. */
async function findGuest(path: string, mounts: readonly Mount[], maxBytes: number): Promise<string | null> {
  const place = placeInFileSystem(path, mounts);
  for (const pid of await processPerMountNamespace()) {
    const own = await guestMounts(pid, maxBytes);
    if (own === null) return `process ${pid} has more mounts than can be looked through; end it first`;
    if (findMountOf(place, own) !== null)
      return `process ${pid} runs in ${path}, or has it mounted; end it first`;
  }
  return null;
}

function findMountOf(place: Pick<Mount, 'device' | 'root'>, mounts: readonly Mount[]): Mount | null {
  return mounts.find(({ device, root }) => device === place.device && isAtOrBelow(root, place.root)) ?? null;
}

/** Somebody's chroot. */
async function findProcess(path: string): Promise<string | null> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const root = await readlink(`/proc/${entry}/root`).catch(() => '/');
    if (root !== '/' && isAtOrBelow(root, path)) return `process ${entry} runs in ${root}; end it first`;
  }
  return null;
}

/** NixOS makes var/empty immutable, and nobody can delete it then. */
async function makeMutable(root: string): Promise<void> {
  for (const path of [join(root, 'var'), join(root, 'var/empty')]) {
    if (!(await lstatIfExists(path))?.isDirectory()) return;
  }
  // Not every file system has the flag: then there is nothing to take away.
  await run('chattr', ['-i', '--', join(root, 'var/empty')], { accept: [0, 1] }).catch(() => undefined);
}
