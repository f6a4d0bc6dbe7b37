/**
 * Whether a file is complete. Half a file can be valid YAML and must never run, so a file that was written in place counts
 * only when nothing has been added for a while; a file that was written aside and moved in is complete by its making.
 */
export function settlesInMs(file: FileAge): number {
  if (file.ctimeMs - file.mtimeMs >= MOVED_IN_MS) return 0;
  // A modification time in the future says nothing: it makes the first the longer wait.
  const byModificationTime = SETTLE_MS - (file.nowMs - file.mtimeMs);
  const byMonotonicClock = SETTLE_MS - file.unchangedForMs;
  return Math.max(0, Math.min(byModificationTime, byMonotonicClock));
}

export interface FileAge {
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** Wall clock. */
  readonly nowMs: number;
  /** How long we have seen exactly this file, by a clock that nobody sets. */
  readonly unchangedForMs: number;
}

/** A write sets mtime and ctime together; a rename, later, only ctime. */
export const MOVED_IN_MS = 100;
/** Longer than the pause of a writer who "completes it a second later". */
export const SETTLE_MS = 1_500;

/** A broken file younger than this is read once more before it is judged: it may be half written after all. */
export const SECOND_LOOK_MS = 2_000;

/** In how many ms a file that turned out broken is to be read again; 0: judge it now. */
export function secondLookInMs(file: Pick<FileAge, 'mtimeMs' | 'nowMs'>): number {
  const ageMs = file.nowMs - file.mtimeMs;
  return ageMs < 0 ? 0 : Math.max(0, SECOND_LOOK_MS - ageMs);
}
