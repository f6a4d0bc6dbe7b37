import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errorCode, readAtMost } from './files.ts';
import { O_PATH, openBelow, pathOfHandle } from './open-below.ts';

/**
 * Reads a small file of a guest's; see `open-below.ts` for `root` and for how. Null where there is none, a link is in the
 * way, or it is no regular file: what it is is known before it is opened, since opening alone rewinds a tape, lets go who
 * waits at a FIFO, or worse. A guest can make a file system that never answers: whoever reads must be able to wait, or
 * be a process that can be killed.
 */
export async function readBelow(
  root: string,
  components: readonly string[],
  maxBytes: number,
): Promise<string | null> {
  const found = await openBelow(root, components, O_PATH);
  if (found === null) return null;
  try {
    return (await found.stat()).isFile() ? await read(pathOfHandle(found), maxBytes) : null;
  } finally {
    await found.close();
  }
}

/** Null where it is longer. */
async function read(path: string, maxBytes: number): Promise<string | null> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (errorCode(error) === 'EACCES') return null;
    throw error;
  });
  if (handle === null) return null;
  try {
    return (await readAtMost(handle, maxBytes))?.toString('utf8') ?? null;
  } finally {
    await handle.close();
  }
}
