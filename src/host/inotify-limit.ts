import { writeFile } from 'node:fs/promises';
import { readFileIfExists } from './files.ts';

/**
 * The kernel's inotify limit: with its default of 128 the 17th booted guest hangs, and nothing says why. A guest takes
 * about 7 instances; the host's own services need some too.
 */
const PATH = '/proc/sys/fs/inotify/max_user_instances';
const WANTED = 8192;
const PER_GUEST = 7;
const RESERVED = 16;

/** Raises the limit where it is too low and may be raised; never lowers it. Answers what it is now. */
export async function raiseInotifyLimit(): Promise<number> {
  const found = await inotifyInstances();
  if (found >= WANTED) return found;
  try {
    await writeFile(PATH, String(WANTED));
  } catch {
    // A read-only /proc/sys: launches beyond the limit wait, and a condition names it.
  }
  return inotifyInstances();
}

export async function inotifyInstances(): Promise<number> {
  return Number((await readFileIfExists(PATH))?.trim() ?? WANTED);
}

/** How many guests can boot at the same time; null where the limit is out of the way. */
export function guestLimit(instances: number): number | null {
  return instances >= WANTED ? null : Math.max(1, Math.floor((instances - RESERVED) / PER_GUEST));
}
