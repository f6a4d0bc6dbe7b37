import { lstat, readlink } from 'node:fs/promises';
import { type FileStats, toFileStats } from './file-stats.ts';

/**
 * Follows a path from `/` by hand, through every link, and keeps what it passed: the directories, for the question of
 * trust, and the names on which the way depends, for watching. Never throws; what stops it is part of the answer.
 */
export async function walkPath(path: string, stat: Stat = statOf): Promise<Walk> {
  const directories: PassedDirectory[] = [];
  const hinges: Hinge[] = [];
  let open = path.split('/').filter(part => part !== '');
  let real = '/';
  let stats = await stat('/');
  for (let links = 0; open.length > 0; ) {
    if (typeof stats === 'string' || stats.kind !== 'directory') break;
    directories.push({ path: real, stats });
    const [part = '', ...rest] = open;
    open = rest;
    if (part === '.') continue;
    if (part === '..') {
      real = real.slice(0, Math.max(1, real.lastIndexOf('/')));
      stats = await stat(real);
      continue;
    }
    const next = real === '/' ? `/${part}` : `${real}/${part}`;
    stats = await stat(next);
    if (typeof stats !== 'string' && stats.kind === 'link') {
      if (++links > MAX_LINKS)
        return { realPath: next, stats: null, error: 'ELOOP', rest: open, directories, hinges };
      hinges.push({ directory: real, name: part });
      const target = await readlink(next).catch(() => null);
      if (target === null)
        return { realPath: next, stats: null, error: 'ENOENT', rest: open, directories, hinges };
      open = [...target.split('/').filter(step => step !== ''), ...open];
      if (target.startsWith('/')) real = '/';
      stats = await stat(real);
      continue;
    }
    if (open.length === 0 || typeof stats === 'string') hinges.push({ directory: real, name: part });
    real = next;
  }
  if (typeof stats === 'string')
    return { realPath: real, stats: null, error: stats, rest: open, directories, hinges };
  if (open.length > 0)
    return { realPath: real, stats: null, error: 'ENOTDIR', rest: open, directories, hinges };
  return { realPath: real, stats, error: null, rest: [], directories, hinges };
}

export interface Walk {
  /** Where it ended: without links up to there. */
  readonly realPath: string;
  /** What was left of the way when it was stopped. */
  readonly rest: readonly string[];
  /** Of the end, never a link; null where there is none. */
  readonly stats: FileStats | null;
  /** errno name; null where the end was reached. */
  readonly error: string | null;
  /** Every directory passed, real paths, the end not among them. */
  readonly directories: readonly PassedDirectory[];
  /** Entries that, when replaced, lead elsewhere. */
  readonly hinges: readonly Hinge[];
}

export interface PassedDirectory {
  readonly path: string;
  readonly stats: FileStats;
}

export interface Hinge {
  readonly directory: string;
  readonly name: string;
}

/** lstat, or the errno name. */
export type Stat = (path: string) => Promise<FileStats | string>;

export const statOf: Stat = path => lstat(path, { bigint: true }).then(toFileStats, errnoOf);

/** The same, asking once per path: for one scan, in which all files have the same parents. */
export function remembering<T>(ask: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return path => {
    const answer = known.get(path) ?? ask(path);
    known.set(path, answer);
    return answer;
  };
}

export function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? 'EIO';
}

/** The kernel's own limit; path_resolution(7). */
const MAX_LINKS = 40;
