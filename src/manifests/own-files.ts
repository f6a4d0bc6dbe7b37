import { constants } from 'node:fs';
import { access, lstat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncToDisk } from './atomic-file.ts';
import { checkoutOf } from './git-checkout.ts';

/** Below the manifests directory and a part of it: what clients create, and all that `destroy` removes. */
export const OWN_DIRECTORY = 'created';

export function ownFile(directory: string, name: string): string {
  return `${directory}/${OWN_DIRECTORY}/${name}.yaml`;
}

/** Only what lies there is ours to remove; a person's file is the person's. */
export function isOwnFile(directory: string, file: string): boolean {
  return dirname(file) === `${directory}/${OWN_DIRECTORY}`;
}

export async function removeOwn(file: string): Promise<void> {
  await unlink(file);
  await syncToDisk(dirname(file));
}

/** Why a manifest could not be changed or removed by a request, before it is tried; null: it can be. */
export async function objectionToChange(file: string): Promise<string | null> {
  try {
    const stats = await lstat(file);
    if (!stats.isFile()) return `${file} is not a regular file; change what it leads to`;
    const checkout = await checkoutOf(file);
    if (checkout !== null)
      return `${file} belongs to the git checkout ${checkout}; change it there, and the container follows`;
    await access(dirname(file), constants.W_OK);
    return null;
  } catch (error) {
    return `${file} cannot be changed: ${(error as Error).message}`;
  }
}
