import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Candidate } from './directory.ts';
import { toFileStats } from './file-stats.ts';
import { MAX_FILE_BYTES } from './parse.ts';
import { errnoOf } from './walk.ts';

/**
 * Reads a candidate's text: the very file that was listed, bounded, without following a link and without ever waiting for
 * a FIFO's writer. Never throws.
 */
export async function readCandidate({ realPath, stats }: Candidate): Promise<ReadResult> {
  if (stats.sizeBytes > MAX_FILE_BYTES) return refused(`larger than ${MAX_FILE_BYTES} bytes`);
  let handle: FileHandle;
  try {
    handle = await open(
      realPath,
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY,
    );
  } catch (error) {
    const code = errnoOf(error);
    return code === 'ENOENT' || code === 'ELOOP' ? { is: 'changed' } : refused(`cannot be read: ${code}`);
  }
  try {
    const before = toFileStats(await handle.stat({ bigint: true }));
    if (before.kind !== 'file' || before.signature !== stats.signature) return { is: 'changed' };
    const bytes = await readAll(handle, before.sizeBytes);
    const after = toFileStats(await handle.stat({ bigint: true }));
    if (bytes.length !== after.sizeBytes || after.signature !== stats.signature) return { is: 'changed' };
    return { is: 'text', text: UTF8.decode(bytes) };
  } catch (error) {
    if (error instanceof TypeError) return refused('not UTF-8 text');
    return refused(`cannot be read: ${errnoOf(error)}`);
  } finally {
    await handle.close().catch(() => undefined);
  }
}

export type ReadResult =
  | { readonly is: 'text'; readonly text: string }
  /** Not the file, or not the state of it, that was listed: list again. */
  | { readonly is: 'changed' }
  | { readonly is: 'refused'; readonly message: string };

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function refused(message: string): ReadResult {
  return { is: 'refused', message };
}

/** One byte more than there should be, to see growth. */
async function readAll(handle: FileHandle, sizeBytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(sizeBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
