import { readdir, readFile, stat } from 'node:fs/promises';
import { isName } from '../api/name.ts';
import { fromRecord, toRecord } from './accepted-record.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { removeFile, syncToDisk, writeAtomically } from './atomic-file.ts';
import type { Log } from './log.ts';

/**
 * The last good versions, in memory and in `DIRECTORY/NAME.json`. Memory is what counts; the files are for the next start.
 * One operation on the disk at a time, in the order of the calls.
 */
export class AcceptedStore {
  readonly #directory: string;
  readonly #log: Log;
  readonly #versions = new Map<string, AcceptedVersion>();
  /** Names whose record cannot be read: known, without a version. */
  readonly #unreadable = new Set<string>();
  #revision = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #syncs: Promise<void> = Promise.resolve();

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  /** By name; tombstones among them. */
  get versions(): ReadonlyMap<string, AcceptedVersion> {
    return this.#versions;
  }

  /** Another number whenever `versions` may be something else. */
  get revision(): number {
    return this.#revision;
  }

  get unreadable(): ReadonlySet<string> {
    return this.#unreadable;
  }

  /** Reads every record. A broken one is reported and left where it is: its container is known, not deleted. */
  async load(): Promise<void> {
    for (const entry of await this.#list()) {
      const name = entry.endsWith('.json') ? entry.slice(0, -'.json'.length) : '';
      if (!isName(name)) continue;
      const path = this.#pathOf(name);
      try {
        const { size } = await stat(path);
        const version = size > MAX_RECORD_BYTES ? null : fromRecord(name, await readFile(path, 'utf8'));
        if (version !== null) {
          this.#versions.set(name, version);
          continue;
        }
        this.#log.warn({ name, path }, 'the record of an accepted manifest is broken; it is not used');
      } catch (err) {
        this.#log.warn(
          { name, path, err },
          'the record of an accepted manifest cannot be read; it is not used',
        );
      }
      this.#unreadable.add(name);
    }
  }

  /** Keeps the versions. Resolves with the errors of those that could not be written, which are then not kept. */
  async save(versions: readonly AcceptedVersion[]): Promise<ReadonlyMap<string, Error>> {
    if (versions.length === 0) return new Map();
    return await this.#inTurn(async () => {
      const failures = new Map<string, Error>();
      const write = async (version: AcceptedVersion) => {
        try {
          await writeAtomically(this.#pathOf(version.name), toRecord(version));
        } catch (error) {
          failures.set(version.name, error instanceof Error ? error : new Error(String(error)));
          return;
        }
        this.#versions.set(version.name, version);
        this.#revision += 1;
        this.#unreadable.delete(version.name);
      };
      for (let index = 0; index < versions.length; index += WRITES_AT_ONCE) {
        await Promise.all(versions.slice(index, index + WRITES_AT_ONCE).map(write));
      }
      this.#syncLater(versions.map(({ name }) => name).filter(name => !failures.has(name)));
      return failures;
    });
  }

  /** Forgets a name for good, unless it is in force (again) when its turn comes. */
  async remove(name: string): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#versions.get(name)?.removedAt === null) return;
      this.#versions.delete(name);
      this.#revision += 1;
      this.#unreadable.delete(name);
      try {
        await removeFile(this.#pathOf(name));
      } catch (err) {
        this.#log.warn({ name, err }, 'the record of a removed manifest cannot be deleted, ignoring');
      }
    });
  }

  /** Waits for everything begun. */
  async idle(): Promise<void> {
    await this.#queue;
    await this.#syncs;
  }

  async #list(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#directory)).sort();
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log.error(
          { directory: this.#directory, err },
          'accepted manifests cannot be read; starting without them',
        );
      return [];
    }
  }

  /**
   * What was written is visible already; only a power cut could undo it, and no container waits for a disk: a record cut
   * off by one is a broken one, and what it was made from is the manifest.
   */
  #syncLater(names: readonly string[]): void {
    const sync = async () => {
      for (const name of names) if (this.#versions.has(name)) await syncToDisk(this.#pathOf(name));
      await syncToDisk(this.#directory);
    };
    this.#syncs = this.#syncs.then(sync).catch(err => {
      // Removed in the meantime.
      if ((err as NodeJS.ErrnoException).code === 'ENOENT') return;
      const fields = { directory: this.#directory, err };
      this.#log.warn(fields, 'accepted manifests could not be synced to disk, ignoring');
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #pathOf(name: string): string {
    return `${this.#directory}/${name}.json`;
  }
}

/** A manifest of the greatest size with every alias expanded fits. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;
const WRITES_AT_ONCE = 16;
