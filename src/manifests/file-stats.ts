import type { BigIntStats } from 'node:fs';

/** What tells one state of a file from another, and what trust is judged by. */
export interface FileStats {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly uid: number;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** Device and inode: which file it is. */
  readonly id: string;
  /** Which file it is and in what state: equal while nothing was written. */
  readonly signature: string;
}

export function toFileStats(stats: BigIntStats): FileStats {
  const id = `${stats.dev}:${stats.ino}`;
  return {
    kind: stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'link'
          : 'other',
    uid: Number(stats.uid),
    mode: Number(stats.mode),
    sizeBytes: Number(stats.size),
    mtimeMs: Number(stats.mtimeNs) / 1e6,
    ctimeMs: Number(stats.ctimeNs) / 1e6,
    id,
    signature: `${id}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`,
  };
}
