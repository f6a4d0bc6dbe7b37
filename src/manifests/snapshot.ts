import { createHash } from 'node:crypto';
import type { Clock } from './clock.ts';
import { type Candidate, type Listing, listDirectory, relistFiles } from './directory.ts';
import type { ParsedDocument } from './document.ts';
import { brokenFile, parseText } from './parse.ts';
import { readCandidate } from './read-file.ts';
import { secondLookInMs, settlesInMs } from './settle.ts';

/** What one scan found: the whole directory, each file judged by itself. */
export interface Snapshot {
  readonly listing: Listing;
  readonly files: readonly FileView[];
  /** When the next file is due; null when all are settled. */
  readonly dueInMs: number | null;
}

export type FileView =
  | { readonly is: 'settled'; readonly path: string; readonly documents: readonly ParsedDocument[] }
  /** Perhaps half written. `former` is what was last read of it, and stays in force. */
  | { readonly is: 'pending'; readonly path: string; readonly former: readonly ParsedDocument[] }
  /** Not read; `document` says why. */
  | { readonly is: 'refused'; readonly path: string; readonly document: ParsedDocument };

/** What counts of a file: of one that is being written its former documents. */
export function documentsIn(file: FileView): readonly ParsedDocument[] {
  switch (file.is) {
    case 'settled':
      return file.documents;
    case 'pending':
      return file.former;
    case 'refused':
      return [file.document];
  }
}

/**
 * Takes snapshots, and remembers what it has read, so that looking again at a thousand unchanged files costs only their
 * stats.
 */
export class SnapshotTaker {
  readonly #directory: string;
  readonly #owner: number;
  readonly #clock: Clock;
  #tracks = new Map<string, Track>();

  constructor(directory: string, owner: number, clock: Clock) {
    this.#directory = directory;
    this.#owner = owner;
    this.#clock = clock;
  }

  async take(): Promise<Snapshot> {
    const listing = await listDirectory(this.#directory, this.#owner);
    const files: FileView[] = listing.refused.map(({ path, message }) => ({
      is: 'refused',
      path,
      document: brokenFile(path, message),
    }));
    let dueInMs: number | null = null;
    const tracks = new Map<string, Track>();
    for (const candidate of listing.candidates) {
      const track = this.#tracks.get(candidate.path) ?? newTrack();
      tracks.set(candidate.path, track);
      const look = await this.#look(candidate, track);
      files.push(look.view);
      if (look.dueInMs !== null) dueInMs = Math.min(look.dueInMs, dueInMs ?? Number.POSITIVE_INFINITY);
    }
    // While the directory is away its files are not forgotten: it may be back in a moment.
    if (listing.state === 'ok') this.#tracks = tracks;
    return { listing, files, dueInMs };
  }

  /**
   * The same snapshot with these files, by their real paths, looked at again; null where looking at everything may find
   * more than that, or one is not settled.
   */
  async retake(former: Snapshot, realPaths: ReadonlySet<string>): Promise<Snapshot | null> {
    const listing = await relistFiles(former.listing, this.#directory, this.#owner, realPaths);
    if (listing === null) return null;
    const files = [...former.files];
    for (const candidate of listing.candidates.filter(({ realPath }) => realPaths.has(realPath))) {
      const track = this.#tracks.get(candidate.path);
      const index = files.findIndex(({ path }) => path === candidate.path);
      if (track === undefined || index < 0) return null;
      const { view } = await this.#look(candidate, track);
      if (view.is !== 'settled') return null;
      files[index] = view;
    }
    return { listing, files, dueInMs: null };
  }

  async #look(candidate: Candidate, track: Track): Promise<Look> {
    const { path, stats } = candidate;
    const nowMs = this.#clock.now();
    if (track.seen !== stats.signature) {
      track.seen = stats.signature;
      track.seenSinceMs = this.#clock.monotonic();
    }
    if (track.judged !== null && track.judged.signature === stats.signature && !track.judged.isRacy) {
      return settled(path, track.judged.documents);
    }
    const waitMs = settlesInMs({
      ...stats,
      nowMs,
      unchangedForMs: this.#clock.monotonic() - track.seenSinceMs,
    });
    if (waitMs > 0) return pending(path, track, waitMs);

    const result = await readCandidate(candidate);
    if (result.is === 'changed') return pending(path, track, CHANGED_RETRY_MS);
    if (result.is === 'refused') {
      track.judged = null;
      return { view: { is: 'refused', path, document: brokenFile(path, result.message) }, dueInMs: null };
    }
    const hash = createHash('sha256').update(result.text).digest('base64');
    const isRacy = nowMs - stats.ctimeMs < RACY_MS;
    if (track.judged?.hash === hash) {
      track.judged = { ...track.judged, signature: stats.signature, isRacy };
      return settled(path, track.judged.documents);
    }
    const documents = parseText({ file: path, text: result.text });
    const isBroken = documents.some(document => document.manifest === null);
    const againInMs = isBroken ? secondLookInMs({ mtimeMs: stats.mtimeMs, nowMs }) : 0;
    if (againInMs > 0) return pending(path, track, againInMs);
    track.judged = { signature: stats.signature, hash, documents, isRacy };
    return settled(path, documents);
  }
}

/** What is known of one path. */
interface Track {
  /** The state last listed, and since when by the monotonic clock. */
  seen: string;
  seenSinceMs: number;
  /** The text last read and judged. */
  judged: {
    readonly signature: string;
    readonly hash: string;
    readonly documents: readonly ParsedDocument[];
    /** Read so soon after a change that another may hide behind the same times. */
    readonly isRacy: boolean;
  } | null;
}

interface Look {
  readonly view: FileView;
  readonly dueInMs: number | null;
}

/** Coarser than any file system's timestamps. */
const RACY_MS = 2_000;
const CHANGED_RETRY_MS = 50;

function newTrack(): Track {
  return { seen: '', seenSinceMs: 0, judged: null };
}

function settled(path: string, documents: readonly ParsedDocument[]): Look {
  return { view: { is: 'settled', path, documents }, dueInMs: null };
}

function pending(path: string, track: Track, dueInMs: number): Look {
  return {
    view: { is: 'pending', path, former: track.judged?.documents ?? [] },
    dueInMs: Math.ceil(dueInMs),
  };
}
