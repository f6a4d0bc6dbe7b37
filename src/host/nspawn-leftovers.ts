import { rmdir } from 'node:fs/promises';
import { errorCode } from './files.ts';

/**
 * Directories that nspawn makes for each machine and that one that was killed leaves behind: the next of that name takes
 * them over, but there may be none. (The last two: since systemd 262.) What is mounted there the unit itself has unmounted.
 */
export async function removeLeftoversOfNspawn(
  name: string,
  directory = '/run/systemd/nspawn',
): Promise<void> {
  for (const place of [`propagate/${name}`, `unix-export/${name}`, `${name}/unix-export`, name])
    await removeIfEmpty(`${directory}/${place}`);
}

/** What is not empty is not a leftover, or not nspawn's. */
async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(errorCode(error))) throw error;
  }
}
