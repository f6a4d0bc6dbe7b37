import { constants } from 'node:fs';
import { access, lstat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncToDisk } from './atomic-file.ts';

/** Below the manifests directory and a part of it: what `nspawnctl create` writes, and all that `destroy` removes. */
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

/** Why a file of ours could not be removed, before it is tried; null: it can be. */
export async function objectionToRemoval(file: string): Promise<string | null> {
  try {
    const stats = await lstat(file);
    if (!stats.isFile()) return `${file} is not a regular file`;
    await access(dirname(file), constants.W_OK);
    return null;
  } catch (error) {
    return `${file} cannot be removed: ${(error as Error).message}`;
  }
}
