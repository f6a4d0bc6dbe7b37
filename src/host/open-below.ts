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
 * opened, besides O_NOFOLLOW. `mayEnter` is asked before anything is looked up in a directory.
 */
export async function openBelow(
  root: string,
  components: readonly string[],
  flags: number,
  mayEnter: (directory: FileHandle) => Promise<boolean> = async () => true,
): Promise<FileHandle | null> {
  // The last component of /proc/LEADER/root is a link of the kernel's own, and the only one that is followed.
  const isMagic = /^\/proc\/\d+\/root$/.test(root);
  const nofollow = isMagic ? 0 : constants.O_NOFOLLOW;
  let handle = await openOrNull(root, constants.O_DIRECTORY | O_PATH | nofollow);
  for (const [index, component] of components.entries()) {
    if (handle === null) return null;
    const isLast = index === components.length - 1;
    const parent: FileHandle = handle;
    try {
      // Without O_DIRECTORY, which would wake an automount; in what is no directory the next component is not found.
      const path = `${pathOfHandle(parent)}/${component}`;
      handle = (await mayEnter(parent))
        ? await openOrNull(path, (isLast ? flags : O_PATH) | constants.O_NOFOLLOW)
        : null;
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
