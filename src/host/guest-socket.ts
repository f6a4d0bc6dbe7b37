import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from './files.ts';

/** open(2), O_PATH: a handle on the file itself, whatever it is; Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * A handle on a socket below a running guest's root, or null. Every component is opened by itself and none through a
 * symlink, so nothing that the guest does meanwhile leads out of it: connect through `/proc/self/fd`.
 */
export async function openGuestSocket(leader: number, path: string): Promise<FileHandle | null> {
  const components = path.split('/');
  const last = components.pop() ?? '';
  const directory = constants.O_DIRECTORY | constants.O_NOFOLLOW | O_PATH;
  let handle: FileHandle | null = null;
  try {
    // This link is the kernel's, and the only one that is followed.
    handle = await open(`/proc/${leader}/root`, constants.O_DIRECTORY | O_PATH);
    for (const component of components) handle = await openAt(handle, component, directory);
    handle = await openAt(handle, last, constants.O_NOFOLLOW | O_PATH);
    if ((await handle.stat()).isSocket()) return handle;
    await handle.close();
    return null;
  } catch (error) {
    await handle?.close().catch(() => undefined);
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ESRCH', 'EACCES'].includes(errorCode(error))) return null;
    throw error;
  }
}

export function pathOfHandle(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

/** Closes the parent, also when there is no such child. */
async function openAt(parent: FileHandle, component: string, flags: number): Promise<FileHandle> {
  try {
    return await open(`${pathOfHandle(parent)}/${component}`, flags);
  } finally {
    await parent.close();
  }
}
