import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from './files.ts';

/**
 * Reads a small file of a guest's, also of one that runs and changes its tree meanwhile: each component is opened from the
 * one before and never through a symlink, so that there is no moment in which a link could be slipped in. (Node has no
 * openat2; /proc/self/fd/N/NAME is openat.) Null where there is none, a link is in the way, or it is no regular file.
 *
 * `root`: `/proc/LEADER/root` of a running guest, or the tree of one that is down. A guest can make a file system that never
 * answers: whoever reads must be able to wait, or be a process that can be killed.
 */
export async function readBelow(
  root: string,
  components: readonly string[],
  maxBytes: number,
): Promise<string | null> {
  const handle = await openBelow(root, components);
  if (handle === null) return null;
  try {
    if (!(await handle.stat()).isFile()) return null;
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      length += bytesRead;
    }
    return null;
  } finally {
    await handle.close();
  }
}

async function openBelow(root: string, components: readonly string[]): Promise<FileHandle | null> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  // The last component of /proc/LEADER/root is a link of the kernel's own, to the guest's root itself.
  const isMagic = /^\/proc\/\d+\/root$/.test(root);
  let handle = await openOrNull(root, O_RDONLY | O_DIRECTORY | (isMagic ? 0 : O_NOFOLLOW));
  for (const [index, component] of components.entries()) {
    if (handle === null) return null;
    const isLast = index === components.length - 1;
    const flags = isLast
      ? O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
      : O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const parent: FileHandle = handle;
    try {
      handle = await openOrNull(`/proc/self/fd/${parent.fd}/${component}`, flags);
    } finally {
      await parent.close();
    }
  }
  return handle;
}

async function openOrNull(path: string, flags: number): Promise<FileHandle | null> {
  try {
    return await open(path, flags);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES'].includes(errorCode(error))) return null;
    throw error;
  }
}
