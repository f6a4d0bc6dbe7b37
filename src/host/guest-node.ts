import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { isKernelOnly, isMountedOver } from './kernel-only.ts';
import { O_PATH, openBelow } from './open-below.ts';

/**
 * A handle (of O_PATH) on something below a running guest's root that is `wanted`, or null: use it through `pathOfHandle`.
 * What lies on a file system that might never answer counts as nothing.
 */
export async function openGuestNode(
  leader: number,
  path: string,
  wanted: (stats: Stats) => boolean,
): Promise<FileHandle | null> {
  // Already to go to where it is mounted may ask some of them.
  if (await isMountedOver(`/${path}`, leader)) return null;
  const answers = (handle: FileHandle) => isKernelOnly(handle, leader);
  const handle = await openBelow(`/proc/${leader}/root`, path.split('/'), O_PATH, answers);
  if (handle === null) return null;
  if ((await answers(handle)) && wanted(await handle.stat())) return handle;
  await handle.close();
  return null;
}

export function openGuestSocket(leader: number, path: string): Promise<FileHandle | null> {
  return openGuestNode(leader, path, stats => stats.isSocket());
}
