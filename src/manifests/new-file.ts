import { constants } from 'node:fs';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncToDisk } from './atomic-file.ts';

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

const BACKDATED_MS = 10_000;
let counter = 0;
