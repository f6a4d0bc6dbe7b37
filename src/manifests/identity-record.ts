import { readFile } from 'node:fs/promises';
import { syncToDisk, writeAtomically } from './atomic-file.ts';
import type { DirectoryIdentity } from './identity.ts';

/** The identity last accepted; null where none is recorded or the record is broken, which counts as a first run. */
export async function loadIdentity(path: string): Promise<DirectoryIdentity | null> {
  try {
    const record = JSON.parse(await readFile(path, 'utf8')) as Partial<DirectoryIdentity> | null;
    const { identity, bootId } = record ?? {};
    return typeof identity === 'string' && typeof bootId === 'string' ? { identity, bootId } : null;
  } catch {
    return null;
  }
}

export async function saveIdentity(path: string, identity: DirectoryIdentity): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(identity)}\n`);
  await syncToDisk(path);
}
