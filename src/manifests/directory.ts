import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isManifestFile, isPassedOver, MAX_DEPTH } from '../api/manifest-file.ts';
import type { FileStats } from './file-stats.ts';
import { localStat } from './local-stat.ts';
import { MAX_FILE_BYTES } from './parse.ts';
import { distrust, distrustParent } from './trust.ts';
import { errnoOf, type Hinge, remembering, type Stat, type Walk, walkPath } from './walk.ts';

/**
 * Lists what of the manifests directory may be read: `*.yaml *.yml *.json`, also in sub-directories, no dotfiles, no editor
 * leftovers, links to files followed by their real path. Opens no file. Never throws: what is wrong with the directory
 * is its state, what is wrong with a file stands in `refused`.
 */
export async function listDirectory(directory: string, owner: number): Promise<Listing> {
  const ask = localStat();
  const stat = remembering(ask);
  const way = await reach(directory, owner, ask, stat);
  const watch = new WatchPoints();
  for (const hinge of way.hinges) watch.addHinge(hinge, way);
  const stopped = (state: Listing['state'], message: string): Listing => ({
    state,
    message,
    realPath: '',
    identity: '',
    candidates: [],
    refused: [],
    watchPoints: watch.list(),
  });
  if (way.fault !== null) return stopped(way.fault.state, way.fault.message);

  const { realPath, stats, identity } = way;
  const reader = new Reader(directory, owner, ask, stat, watch);
  const fault = await reader.read(realPath, directory, stats, 0);
  if (fault !== null) return stopped('unreadable', fault);
  return {
    state: 'ok',
    message: '',
    realPath,
    identity,
    candidates: reader.candidates.sort((a, b) => (a.path < b.path ? -1 : 1)),
    refused: reader.refused,
    watchPoints: watch.list(),
  };
}

/**
 * The same listing with these files, by their real paths, looked at again and all others left as they were. Null where that
 * is not all that there is to say: one is gone, or is not simply a file in there, or there is a fault with the way to it.
 */
export async function relistFiles(
  former: Listing,
  directory: string,
  owner: number,
  realPaths: ReadonlySet<string>,
): Promise<Listing | null> {
  const ask = localStat();
  const stat = remembering(ask);
  const way = await reach(directory, owner, ask, stat);
  if (way.fault !== null || way.identity !== former.identity || way.realPath !== former.realPath) return null;
  const isTrusted = async (path: string) => {
    const stats = await stat(path);
    return typeof stats !== 'string' && stats.kind === 'directory' && distrust(path, stats, owner) === null;
  };

  const candidates = [...former.candidates];
  for (const realPath of realPaths) {
    const [index, ...others] = indexesOf(candidates, candidate => candidate.realPath === realPath);
    const known = index === undefined ? undefined : candidates[index];
    if (index === undefined || known === undefined || others.length > 0) return null;
    const below = known.path.slice(directory.length);
    if (realPath !== `${way.realPath}${below}`) return null;
    for (let parent = dirname(realPath); parent !== way.realPath; parent = dirname(parent))
      if (!(await isTrusted(parent))) return null;
    const stats = await ask(realPath);
    if (typeof stats === 'string' || stats.kind !== 'file' || distrust(realPath, stats, owner) !== null)
      return null;
    candidates[index] = { ...known, stats };
  }
  const bytes = candidates.reduce((sum, { stats }) => sum + countedBytes(stats), 0);
  return bytes > MAX_TOTAL_BYTES ? null : { ...former, candidates };
}

/** Goes to the directory, as far as anybody should follow. */
async function reach(directory: string, owner: number, ask: Stat, stat: Stat): Promise<Way> {
  const walk = await walkPath(directory, stat);
  const { realPath, stats, error } = walk;
  const stopped = (state: Listing['state'], message: string): Way => ({ ...walk, fault: { state, message } });
  if (stats === null) {
    return error === 'ENOENT'
      ? stopped('missing', `${directory} does not exist`)
      : stopped('unreadable', `${directory} cannot be reached: ${error}`);
  }
  if (stats.kind !== 'directory') return stopped('unreadable', `${directory} is not a directory`);
  const objection = distrustWalk(walk, owner) ?? distrust(realPath, stats, owner);
  if (objection !== null) return stopped('untrusted', objection);
  const isLink = await isLinkAt(directory, ask);
  return { ...walk, stats, fault: null, identity: isLink ? 'link' : stats.id };
}

type Way = Walk &
  (
    | { readonly fault: { readonly state: Listing['state']; readonly message: string } }
    | { readonly fault: null; readonly stats: FileStats; readonly identity: string }
  );

function indexesOf<T>(list: readonly T[], isIt: (one: T) => boolean): readonly number[] {
  const found: number[] = [];
  for (const [index, one] of list.entries()) if (isIt(one)) found.push(index);
  return found;
}

/** One that is too large to be read costs nothing, and must not hide the others. */
function countedBytes({ sizeBytes }: FileStats): number {
  return sizeBytes <= MAX_FILE_BYTES ? sizeBytes : 0;
}

export interface Listing {
  readonly state: 'ok' | 'missing' | 'unreadable' | 'untrusted';
  /** Why it is not ok. */
  readonly message: string;
  /** Where the directory is, without links; empty unless ok. */
  readonly realPath: string;
  /** Device and inode, or `link` for a symlinked directory, which may point elsewhere at any time. Empty unless ok. */
  readonly identity: string;
  /** By path. */
  readonly candidates: readonly Candidate[];
  /** What looks like a manifest and is not read. */
  readonly refused: readonly Refusal[];
  readonly watchPoints: readonly WatchPoint[];
}

export interface Candidate {
  /** As people see it: the directory as configured and the way below it. */
  readonly path: string;
  /** Where the file is, without links. */
  readonly realPath: string;
  readonly stats: FileStats;
}

export interface Refusal {
  readonly path: string;
  readonly message: string;
}

/** A directory to watch. */
export interface WatchPoint {
  readonly path: string;
  /** Device and inode: another means that the old watch looks at something else. */
  readonly id: string;
  /** Manifests are in it: every name matters but dotfiles. */
  readonly isContent: boolean;
  /** Names that matter besides: links and targets on the way to a manifest. */
  readonly names: ReadonlySet<string>;
}

export const MAX_FILES = 10_000;
export const MAX_TOTAL_BYTES = 64 * 1024 * 1024;
/** Entries of any kind looked at, so that a directory of something else ends, too. */
const MAX_ENTRIES = 100_000;
/** Stats under way at once: enough to be fast, few enough to leave the thread pool to others. */
const STATS_AT_ONCE = 16;

class Reader {
  readonly candidates: Candidate[] = [];
  readonly refused: Refusal[] = [];
  #entries = 0;
  #bytes = 0;
  readonly #top: string;
  readonly #owner: number;
  readonly #ask: Stat;
  /** The same, asking once per path. */
  readonly #stat: Stat;
  readonly #watch: WatchPoints;

  constructor(top: string, owner: number, ask: Stat, stat: Stat, watch: WatchPoints) {
    this.#top = top;
    this.#owner = owner;
    this.#ask = ask;
    this.#stat = stat;
    this.#watch = watch;
  }

  /** Null, or why the directory cannot be read whole. */
  async read(real: string, shown: string, stats: FileStats, depth: number): Promise<string | null> {
    this.#watch.addDirectory(real, stats.id);
    let entries: Dirent[];
    try {
      entries = await readdir(real, { withFileTypes: true });
    } catch (error) {
      return `${shown} cannot be read: ${errnoOf(error)}`;
    }
    this.#entries += entries.length;
    if (this.#entries > MAX_ENTRIES) return `${this.#top} holds more than ${MAX_ENTRIES} entries`;
    const wanted = entries.filter(({ name }) => !isPassedOver(name));
    for (let index = 0; index < wanted.length; index += STATS_AT_ONCE) {
      const batch = wanted.slice(index, index + STATS_AT_ONCE);
      await Promise.all(batch.map(entry => this.#readEntry(entry, real, shown, depth)));
      if (this.candidates.length > MAX_FILES)
        return `${this.#top} holds more than ${MAX_FILES} manifest files`;
      if (this.#bytes > MAX_TOTAL_BYTES)
        return `${this.#top} holds more than ${MAX_TOTAL_BYTES} bytes of manifests`;
    }
    return null;
  }

  async #readEntry(entry: Dirent, real: string, shown: string, depth: number): Promise<void> {
    const path = `${shown}/${entry.name}`;
    const realPath = real === '/' ? `/${entry.name}` : `${real}/${entry.name}`;
    if (entry.isDirectory()) return await this.#readSubdirectory(realPath, path, depth);
    if (!isManifestFile(entry.name)) return;
    if (entry.isSymbolicLink()) return await this.#readLink(realPath, path);
    // The type is asked of the file, not of the entry: some file systems do not know it there.
    const stats = await this.#ask(realPath);
    if (typeof stats === 'string') {
      // Gone since the directory was listed; a name that is not UTF-8 cannot be asked for at all.
      if (stats === 'ENOENT' && !entry.name.includes('\ufffd')) return;
      this.#refuse(path, stats === 'ENOENT' ? 'its name is not UTF-8' : `cannot be read: ${stats}`);
    } else if (stats.kind === 'file') {
      this.#take(path, realPath, stats);
    } else if (stats.kind === 'link') {
      await this.#readLink(realPath, path);
    } else if (stats.kind === 'directory') {
      await this.#readSubdirectory(realPath, path, depth);
    } else {
      this.#refuse(path, 'not a regular file; it is not opened');
    }
  }

  async #readSubdirectory(realPath: string, path: string, depth: number): Promise<void> {
    if (depth >= MAX_DEPTH)
      return this.#refuse(path, `deeper than ${MAX_DEPTH} sub-directories; it is not read`);
    const stats = await this.#ask(realPath);
    if (stats === 'ENOENT') return;
    if (typeof stats === 'string') return this.#refuse(path, `cannot be read: ${stats}`);
    if (stats.kind !== 'directory') return;
    const objection = distrust(path, stats, this.#owner);
    if (objection !== null) return this.#refuse(path, objection);
    const fault = await this.read(realPath, path, stats, depth + 1);
    if (fault !== null) this.#refuse(path, fault);
  }

  async #readLink(realPath: string, path: string): Promise<void> {
    const walk = await walkPath(realPath, this.#stat);
    for (const hinge of walk.hinges) this.#watch.addHinge(hinge, walk);
    if (walk.stats === null) return this.#refuse(path, `a link that leads nowhere: ${walk.error}`);
    if (walk.stats.kind !== 'file')
      return this.#refuse(path, 'a link, but not to a regular file; it is not opened');
    const objection = distrustWalk(walk, this.#owner);
    if (objection !== null) return this.#refuse(path, objection);
    // Asked again, without memory: the same file may have been seen by another link before it was written.
    const stats = await this.#ask(walk.realPath);
    if (typeof stats === 'string' || stats.kind !== 'file')
      return this.#refuse(path, 'changed while it was looked at');
    this.#take(path, walk.realPath, stats);
  }

  #take(path: string, realPath: string, stats: FileStats): void {
    const objection = distrust(realPath, stats, this.#owner);
    if (objection !== null) {
      this.#refuse(path, objection);
      return;
    }
    this.#bytes += countedBytes(stats);
    this.candidates.push({ path, realPath, stats });
  }

  #refuse(path: string, message: string): void {
    this.refused.push({ path, message });
  }
}

function distrustWalk(walk: Walk, owner: number): string | null {
  for (const { path, stats } of walk.directories) {
    const objection = distrustParent(path, stats, owner);
    if (objection !== null) return objection;
  }
  return null;
}

async function isLinkAt(path: string, ask: Stat): Promise<boolean> {
  const stats = await ask(path);
  return typeof stats !== 'string' && stats.kind === 'link';
}

/** Directories to watch, each once. */
class WatchPoints {
  readonly #points = new Map<string, { id: string; isContent: boolean; names: Set<string> }>();

  addDirectory(path: string, id: string): void {
    this.#points.set(path, { id, isContent: true, names: this.#points.get(path)?.names ?? new Set() });
  }

  addHinge({ directory, name }: Hinge, walk: Walk): void {
    const id = walk.directories.find(passed => passed.path === directory)?.stats.id;
    if (id === undefined) return;
    const point = this.#points.get(directory) ?? { id, isContent: false, names: new Set<string>() };
    this.#points.set(directory, point);
    point.names.add(name);
  }

  list(): readonly WatchPoint[] {
    return [...this.#points].map(([path, point]) => ({ path, ...point }));
  }
}
