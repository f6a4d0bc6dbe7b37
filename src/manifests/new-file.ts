import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, chown, link, lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncToDisk } from './atomic-file.ts';

/**
 * Writes a file that must not exist, whole or not at all, and in such a way that a scan takes it at once: its last
 * modification is older than its making (see `settle.ts`). False where it exists.
 */
export async function writeNew(file: string, text: string): Promise<boolean> {
  await makeDirectory(dirname(file));
  return writeAside(file, text, async aside => {
    try {
      // A rename would replace what somebody else has just written.
      await link(aside, file);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  });
}

/** Replaces a file by a text in the same manner, with the owner and mode it had. False where it does not hold `before` any more. */
export async function replaceText(file: string, before: string, text: string): Promise<boolean> {
  const { uid, gid, mode } = await lstat(file);
  return writeAside(file, text, async aside => {
    await chown(aside, uid, gid);
    await chmod(aside, mode & 0o777);
    if ((await readFile(file, 'utf8')) !== before) return false;
    await rename(aside, file);
    return true;
  });
}

/** Writes beside a file, on disk, and lets `place` put it there; what is left of it is removed. */
async function writeAside(
  file: string,
  text: string,
  place: (aside: string) => Promise<boolean>,
): Promise<boolean> {
  const directory = dirname(file);
  const aside = `${directory}/.${randomBytes(6).toString('hex')}.new`;
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
    if (!(await place(aside))) return false;
  } finally {
    await rm(aside, { force: true });
  }
  await syncToDisk(directory);
  return true;
}

const BACKDATED_MS = 10_000;

/** One at a time as far as possible: of a read-only disk Node's recursive mkdir says that a directory is missing. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    await mkdir(path, { recursive: true, mode: 0o755 });
  }
}
