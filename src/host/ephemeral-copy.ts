import { lstat, readFile, readlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Manifest } from '../api/manifest.ts';
import { ephemeralRootOf } from '../planning/render/unit.ts';
import { run } from './command.ts';
import { errorCode, listDirectory } from './files.ts';

/** Of a container without a manifest, by what its unit was made from. */
export async function leftoverCopiesOf(
  manifest: Manifest | null,
  unitText: string,
): Promise<readonly string[]> {
  const root =
    manifest === null ? ephemeralRootOf(unitText) : manifest.spec.ephemeral ? manifest.spec.root : null;
  return root === null ? [] : leftoverCopies(root);
}

/** How nspawn begins the name of a copy; the second since systemd 262, where src/shared/snapshot-util.c makes it. */
const PREFIXES = ['.#machine.', '.#snapshot.'];

/**
 * A killed nspawn leaves the copy of an `--ephemeral` root beside it: a prefix, ROOT and 16 hex digits, and its lock. Of a
 * root on a mount of its own it is inside, without the name of the root, and whoever copies that copies it, too. The name
 * is the root's, not the container's, so only a copy whose lock nobody holds may be removed.
 */
async function leftoverCopies(root: string): Promise<readonly string[]> {
  const [beside, inside] = await Promise.all([
    copiesIn(dirname(root), basename(root)),
    isDirectory(root).then(isTree => (isTree ? copiesIn(root, '') : [])),
  ]);
  const copies = [...beside, ...inside];
  if (copies.length === 0) return [];
  const held = await heldLocks();
  return copies.filter(copy => !held.has(lockName(basename(copy))));
}

/** A link is not followed. */
async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isDirectory() === true;
}

async function copiesIn(directory: string, rootName: string): Promise<readonly string[]> {
  const names = new Set(await listDirectory(directory));
  const stems = PREFIXES.map(prefix => prefix + rootName);
  const isCopy = (name: string) =>
    stems.some(stem => name.startsWith(stem) && /^[0-9a-f]{16}$/.test(name.slice(stem.length)));
  // In the tree itself it could be anybody's, were it not for its lock.
  return [...names]
    .filter(name => isCopy(name) && (rootName !== '' || names.has(lockName(name))))
    .map(name => join(directory, name));
}

/** `rm` follows no symlink of the tree it removes, and stays on its filesystem. */
export async function removeCopy(path: string): Promise<void> {
  const lock = lockName(basename(path));
  if ((await heldLocks()).has(lock)) return;
  await run('rm', ['-rf', '--one-file-system', '--', path, join(dirname(path), lock)], {
    timeoutMs: 120_000,
  });
}

/**
 * File names of the locks that any nspawn of this host has open, which it has from before it begins to copy until it
 * ends. They are open file description locks: flock(1) does not meet them, and Node cannot ask for them.
 */
async function heldLocks(): Promise<ReadonlySet<string>> {
  const pids = (await listDirectory('/proc')).filter(entry => /^[0-9]+$/.test(entry));
  const opened = await Promise.all(
    pids.map(async pid => ((await commandOf(pid)) === 'systemd-nspawn' ? openFilesOf(pid) : [])),
  );
  return new Set(opened.flat());
}

async function commandOf(pid: string): Promise<string> {
  return (await unlessEnded(readFile(`/proc/${pid}/comm`, 'utf8'), '')).trim();
}

/** Names only: the way to a file may be another for the other process, and the name of a copy is its own. */
async function openFilesOf(pid: string): Promise<readonly string[]> {
  const directory = `/proc/${pid}/fd`;
  const descriptors = await unlessEnded(listDirectory(directory), []);
  const targets = await Promise.all(
    descriptors.map(descriptor => unlessEnded(readlink(join(directory, descriptor)), '')),
  );
  return targets.map(target => basename(target.replace(/ \(deleted\)$/, '')));
}

/** A process that has ended, or closed its file, meanwhile holds nothing. Any other error might hide one that does. */
async function unlessEnded<T>(answer: Promise<T>, ended: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errorCode(error))) return ended;
    throw error;
  }
}

/** systemd locks `.#NAME.lck` beside the tree as long as it is used; src/shared/discover-image.c, image_path_lock(). */
function lockName(copy: string): string {
  return `.#${copy}.lck`;
}
