import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { isName } from '../api/name.ts';
import { removeFile, syncToDisk, writeAtomically } from './atomic-file.ts';
import { type GuardVerdict, guardDeletions, NO_GUARD_MEMORY } from './guard.ts';
import type { Log } from './log.ts';
import type { Snapshot } from './snapshot.ts';
import { faultOf } from './status.ts';
import type { Survey } from './survey.ts';

/** Asks what becomes of vanished names, and remembers for the next scan, and the next nspawnd, who waits for a person. */
export class GuardKeeper {
  readonly #path: string;
  readonly #log: Log;
  #memory = NO_GUARD_MEMORY;
  #kept: ReadonlySet<string> = new Set();

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  async load(): Promise<void> {
    const swept = new Set(await loadNames(this.#path));
    this.#memory = { ...NO_GUARD_MEMORY, swept };
    this.#kept = swept;
  }

  look(snapshot: Snapshot, found: Survey, circumstances: Circumstances): GuardVerdict {
    const verdict = guardDeletions({
      known: found.known,
      vanished: found.vanished,
      directoryFault: faultOf(snapshot.listing),
      isEmpty: found.isEmpty,
      namelessFiles: found.namelessFiles,
      pendingFiles: found.pendingFiles,
      suspects: found.suspects,
      memory: this.#memory,
      ...circumstances,
    });
    this.#memory = verdict.memory;
    return verdict;
  }

  /** Who waits is on disk as well. */
  get isKept(): boolean {
    return isDeepStrictEqual(this.#memory.swept, this.#kept);
  }

  /** Puts on disk who waits. Where that fails, only an nspawnd that is started meanwhile asks nobody. */
  async keep(): Promise<void> {
    const { swept } = this.#memory;
    if (this.isKept) return;
    try {
      if (swept.size === 0) await removeFile(this.#path);
      else {
        await writeAtomically(this.#path, `${JSON.stringify([...swept].sort())}\n`);
        await syncToDisk(this.#path);
      }
      this.#kept = swept;
    } catch (err) {
      this.#log.error(
        { err },
        'the deletions that are held could not be recorded; the next scan tries again',
      );
    }
  }
}

interface Circumstances {
  readonly isReplaced: boolean;
  readonly isHostListed: boolean;
  readonly monotonicMs: number;
}

/** None where none are recorded or the record is broken. */
async function loadNames(path: string): Promise<readonly string[]> {
  try {
    const names: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Array.isArray(names) ? names.filter(name => typeof name === 'string' && isName(name)) : [];
  } catch {
    return [];
  }
}
