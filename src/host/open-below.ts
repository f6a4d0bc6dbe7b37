import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from './files.ts';

/** open(2), O_PATH: a handle on the file itself, whatever it is; Node has no name for it. */
export const O_PATH = 0o10000000;

/**
 * A handle on what lies below a guest's root, also of a guest that runs and changes its tree meanwhile: each component is
 * opened from the one before and never through a symlink, so that there is no moment in which a link could be slipped in.
 * (Node has no openat2; /proc/self/fd/N/NAME is openat.) Null where there is nothing, or a link is in the way.
 *
 * `root`: `/proc/LEADER/root` of a running guest, or the tree of one that is down. `flags`: how the last component is
 * opened, besides O_NOFOLLOW.
 */
export async function openBelow(
  root: string,
  components: readonly string[],
  flags: number,
): Promise<FileHandle | null> {
  // The last component of /proc/LEADER/root is a link of the kernel's own, and the only one that is followed.
  const isMagic = /^\/proc\/\d+\/root$/.test(root);
  const directory = constants.O_DIRECTORY | O_PATH;
  let handle = await openOrNull(root, isMagic ? directory : directory | constants.O_NOFOLLOW);
  for (const [index, component] of components.entries()) {
    if (handle === null) return null;
    const isLast = index === components.length - 1;
    const parent: FileHandle = handle;
    try {
      const path = `${pathOfHandle(parent)}/${component}`;
      handle = await openOrNull(path, (isLast ? flags : directory) | constants.O_NOFOLLOW);
    } finally {
      await parent.close();
    }
  }
  return handle;
}

/** Where everything that takes a path finds what the handle is on. */
export function pathOfHandle(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

async function openOrNull(path: string, flags: number): Promise<FileHandle | null> {
  try {
    return await open(path, flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES', 'ESRCH'].includes(errorCode(error))) return null;
    throw error;
  }
}
