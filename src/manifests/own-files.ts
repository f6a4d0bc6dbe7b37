import { constants } from 'node:fs';
import { access, link, lstat, mkdir, open, rm, unlink } from 'node:fs/promises';
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

/**
 * Writes a file that must not exist, whole or not at all, and in such a way that a scan takes it at once: its last
 * modification is older than its making (see `settle.ts`). False where it exists.
 */
export async function writeNew(file: string, text: string): Promise<boolean> {
  const directory = dirname(file);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const aside = `${directory}/.${process.pid}-${counter++}.new`;
  try {
    const handle = await open(
      aside,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    try {
      await handle.writeFile(text);
      const before = new Date(Date.now() - BACKDATED_MS);
      await handle.utimes(before, before);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // A rename would replace what somebody else has just written.
    await link(aside, file);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && syscall === 'link') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
  await syncToDisk(directory);
  return true;
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

const BACKDATED_MS = 10_000;
let counter = 0;
