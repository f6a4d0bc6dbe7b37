import type { JsonObject } from '../../src/api/manifest.ts';
import type { ManifestPort } from '../../src/controller/ports.ts';
import { createManifestSource } from '../../src/manifests/source.ts';
import { DirectoryWatch } from '../../src/manifests/watch.ts';
import type { Desired } from '../../src/planning/desired.ts';
import { hostLinkName } from '../../src/planning/link-name.ts';
import type { Random } from '../model/random.ts';
import { manifestText } from '../unit/manifests/manifest-text.ts';
import type { Folder } from './folder.ts';
import type { MemoryFs } from './memory-fs.ts';

/** Files, and the manifests room that is shipped: it scans, keeps last good versions, and guards deletions. */
export class FileFolder implements Folder {
  readonly settlesInMs = 6000;
  readonly #fs: MemoryFs;
  readonly #random: Random;
  readonly #bootId: () => string;
  /** What inotify would do, sooner or later. */
  readonly #wakeLater: (wake: () => void) => void;
  readonly #specs = new Map<string, JsonObject>();
  /** Files that were there when nspawnd last listed them. */
  #listed: ReadonlySet<string> = new Set();
  /** Whose deletion nspawnd has seen while it was one. */
  readonly #rightlyGone = new Set<string>();
  /** Whose deletion a person has confirmed, and who did not come back. */
  readonly #confirmed = new Set<string>();
  #source: ManifestPort | null = null;

  constructor(fs: MemoryFs, random: Random, bootId: () => string, wakeLater: (wake: () => void) => void) {
    this.#fs = fs;
    this.#random = random;
    this.#bootId = bootId;
    this.#wakeLater = wakeLater;
    for (const path of [TOP, DIRECTORY, STATE]) fs.mkdir(path);
    fs.onListed = (path, files) => {
      if (path !== DIRECTORY) return;
      for (const name of this.names()) this.#noteGone(name);
      this.#listed = new Set(files);
    };
  }

  put(name: string, spec: JsonObject): void {
    this.#noteGone(name);
    this.#specs.set(name, spec);
    this.#confirmed.delete(name);
    this.#write(name, manifestText(name, spec));
  }

  remove(name: string): void {
    this.#specs.delete(name);
    const path = this.#path(name);
    if (this.#fs.has(path)) this.#fs.remove(path);
    this.#wake();
  }

  breakFile(name: string): void {
    this.#confirmed.delete(name);
    const text = manifestText(name, { ...this.#specs.get(name), privateNetwrk: true });
    this.#write(name, this.#random.chance(0.5) ? text : 'kind: [');
    // What was never read well is nobody's wish yet.
    if (this.desired(name).state !== 'present') this.#specs.delete(name);
  }

  setHealthy(isHealthy: boolean): void {
    if (isHealthy === this.#fs.has(DIRECTORY)) return;
    for (const name of this.names()) this.#noteGone(name);
    if (isHealthy) this.#fs.rename(AWAY, DIRECTORY);
    else this.#fs.rename(DIRECTORY, AWAY);
    this.#wake();
  }

  spec(name: string): JsonObject | null {
    return this.#specs.get(name) ?? null;
  }

  names(): readonly string[] {
    return [...new Set([...this.#specs.keys(), ...(this.#source?.names() ?? [])])];
  }

  desired(name: string): Desired {
    return this.#source?.desired(name) ?? { state: 'unknown', problems: [], reason: 'nspawnd is dead' };
  }

  /**
   * Whether it would be wrong to delete it, whatever anybody makes of the files. A deletion that was rightly seen goes on
   * until it is seen that the manifest is back, also where the directory is away meanwhile.
   */
  isMeant(name: string): boolean {
    this.#noteGone(name);
    return !this.#rightlyGone.has(name) && (this.#specs.has(name) || !this.#fs.has(DIRECTORY));
  }

  /** For before anything of it changes, on either side. */
  #noteGone(name: string): void {
    const state = this.#source?.desired(name).state;
    if (state === 'present') this.#rightlyGone.delete(name);
    // What is announced comes from the last listing; a file that has come since is seen by the next one. Or the nspawnd
    // before has seen it, and died with its word.
    if (state === 'absent' && (!this.#listed.has(`${name}.yaml`) || this.#isRecordedGone(name)))
      this.#rightlyGone.add(name);
  }

  #isRecordedGone(name: string): boolean {
    return this.#fs.textOf(`${STATE}/accepted/${name}.json`)?.includes('"removedAt": "') === true;
  }

  confirmed(names: readonly string[]): void {
    for (const name of names) if (!this.#fs.has(this.#path(name))) this.#confirmed.add(name);
  }

  mustBeGone(name: string): boolean {
    return this.#confirmed.has(name);
  }

  open(): ManifestPort {
    this.#fs.open();
    const quiet = () => undefined;
    this.#source = createManifestSource({
      directory: DIRECTORY,
      stateDirectory: STATE,
      ownerUid: process.getuid?.() ?? 0,
      hostName: 'testhost',
      bootId: this.#bootId(),
      hostLinkName,
      hostAddresses: async () => [],
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    });
    return this.#source;
  }

  close(): void {
    this.#fs.close();
    this.#source = null;
  }

  /** It may be away: then it is written where it is. */
  #path(name: string): string {
    return `${this.#fs.has(DIRECTORY) ? DIRECTORY : AWAY}/${name}.yaml`;
  }

  #wake(): void {
    const source = this.#source;
    this.#wakeLater(() => {
      if (source !== null && this.#source === source) void source.rescan();
    });
  }

  #write(name: string, text: string): void {
    this.#fs.write(this.#path(name), text, this.#random.chance(0.7));
    this.#wake();
  }
}

// Nothing is watched in memory: `#wake` says what is.
Object.assign(DirectoryWatch.prototype, { follow: () => false, ready: async () => undefined });

const TOP = '/simulated';
const DIRECTORY = `${TOP}/manifests`;
const AWAY = `${TOP}/away`;
const STATE = `${TOP}/state`;
