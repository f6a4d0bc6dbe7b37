import type { FileHandle } from 'node:fs/promises';
import { O_PATH, openBelow } from './open-below.ts';

/** A handle on a socket below a running guest's root, or null: connect through `pathOfHandle`. */
export async function openGuestSocket(leader: number, path: string): Promise<FileHandle | null> {
  const handle = await openBelow(`/proc/${leader}/root`, path.split('/'), O_PATH);
  if (handle === null) return null;
  if ((await handle.stat()).isSocket()) return handle;
  await handle.close();
  return null;
}
