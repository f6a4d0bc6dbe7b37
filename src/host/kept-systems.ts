import { mkdir, readlink, rm, rmdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { KEPT_SYSTEMS, keptSystemsOf } from '../planning/nix-places.ts';
import { errorCode, listDirectory, removeFile } from './files.ts';
import { isStorePath } from './nix-profile.ts';

/**
 * Roots for Nix' garbage collector, one link per system that a container must not lose, in a directory that is nspawnd's
 * own and that no guest sees. What lies there is ours by its place.
 */

export async function keptSystems(name: string): Promise<readonly string[]> {
  const directory = keptSystemsOf(name);
  const links = await listDirectory(directory);
  const targets = await Promise.all(links.map(link => readlink(join(directory, link)).catch(() => null)));
  // Of one that was cut off nothing is known but that it has to be made again.
  return targets.map((target, index) => target ?? links[index] ?? '').sort();
}

/** Containers that anything is kept for. */
export function namesOfKept(): Promise<readonly string[]> {
  return listDirectory(KEPT_SYSTEMS);
}

/** Exactly these are kept from now on; the new ones first, so that nothing is without a root in between. */
export async function keepSystems(name: string, closures: readonly string[]): Promise<void> {
  const directory = keptSystemsOf(name);
  const wanted = new Set(closures.filter(isStorePath).map(closure => basename(closure)));
  if (wanted.size > 0) await mkdir(directory, { recursive: true, mode: 0o755 });
  for (const closure of closures.filter(isStorePath)) await link(closure, join(directory, basename(closure)));
  for (const entry of await listDirectory(directory)) {
    if (!wanted.has(entry)) await removeFile(join(directory, entry));
  }
  if (wanted.size === 0) await removeEmpty(directory);
}

async function link(closure: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => null)) === closure) return;
  await rm(path, { recursive: true, force: true });
  await symlink(closure, path);
}

async function removeEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY'].includes(errorCode(error))) throw error;
  }
}
