import { resolve } from 'node:path';
import type { FileText, JudgedDocument, ManifestPort, SourceStatus } from '../controller/ports.ts';
import { NspawndError } from '../errors.ts';
import type { Desired } from '../planning/desired.ts';
import { type Clock, systemClock } from './clock.ts';
import { judgeFiles } from './judge.ts';
import { Maker, type MakerHost } from './maker.ts';
import { type RolloutHost, Rollouts } from './rollouts.ts';
import { ScanLoop } from './scan-loop.ts';
import { Scanner } from './scanner.ts';
import type { ManifestSourceOptions } from './source-options.ts';
import { warmUp } from './warm-up.ts';

/** A directory as Desired state; see `ManifestPort`. */
export function createManifestSource(options: ManifestSourceOptions): ManifestPort {
  return new ManifestSource(options);
}

/** What may be asked of the manifests: `Scanner` knows what they say, `ScanLoop` when to look again. */
class ManifestSource implements ManifestPort {
  readonly #options: ManifestSourceOptions;
  readonly #clock: Clock;
  readonly #scanner: Scanner;
  readonly #loop: ScanLoop<readonly string[]>;
  readonly #maker: Maker;
  readonly #rollouts = new Rollouts(this.#rolloutHost());

  constructor(options: ManifestSourceOptions) {
    const { log, clock = systemClock } = options;
    const directory = resolve(options.directory);
    this.#options = { ...options, directory, stateDirectory: resolve(options.stateDirectory) };
    this.#clock = clock;
    this.#scanner = new Scanner(this.#options, {
      wake: () => this.#loop.wake(),
      wakeInFirst: delaysMs => this.#loop.wakeInFirst(delaysMs),
    });
    this.#loop = new ScanLoop(
      () => this.#scanner.scan(),
      clock,
      err => log.error({ err, directory }, 'scanning the manifests failed; the next scan tries again'),
    );
    this.#maker = new Maker(this.#makerHost(options.addressRange ?? DEFAULT_ADDRESS_RANGE));
  }

  async start(onTrigger: (names: readonly string[]) => void, signal: AbortSignal): Promise<void> {
    await this.#scanner.load();
    warmUp(this.#options.hostLinkName);
    signal.addEventListener('abort', () => void this.#close(), { once: true });
    if (signal.aborted) return await this.#close();
    // The first scan finds what to watch; the second sees what came before the watch listened.
    await this.#scanAll();
    await this.#scanner.listens();
    await this.#scanAll();
    if (!signal.aborted) this.#scanner.onTrigger = onTrigger;
  }

  async rescan(): Promise<readonly string[]> {
    this.#scanner.lookAtHost();
    return await this.#scanAll();
  }

  desired(name: string): Desired {
    const desired = this.#scanner.desired.get(name);
    if (desired !== undefined) return desired;
    const { canTellAbsence, status } = this.#scanner.view;
    if (canTellAbsence) return { state: 'absent' };
    return {
      state: 'unknown',
      problems: [],
      reason: status.message || 'the manifests were not all read yet',
    };
  }

  names(): readonly string[] {
    return [...this.#scanner.desired.keys()].sort();
  }

  async adopt(namesOnHost: readonly string[]): Promise<void> {
    if (this.#scanner.adopt(namesOnHost)) await this.#scanAll();
  }

  async forget(name: string): Promise<void> {
    if (this.#scanner.desired.get(name)?.state !== 'absent') return;
    await this.#scanner.forget(name);
    // Somebody may have waited for it to go.
    await this.#scanAll();
  }

  status(): SourceStatus {
    return this.#scanner.view.status;
  }

  async confirmPrune(hash: string): Promise<boolean> {
    await this.#scanAll();
    const failures = await this.#loop.between(async () => {
      const { held } = this.#scanner.view.status;
      if (held === null || held.hash !== hash) return null;
      this.#options.log.warn({ names: held.names, hash }, 'held deletions were confirmed');
      return await this.#scanner.recordDeletions(held.names);
    });
    await this.#scanAll();
    const [failure] = failures?.values() ?? [];
    if (failure !== undefined)
      throw new NspawndError('FileError', 'the deletions could not be recorded', { cause: failure });
    return failures !== null;
  }

  readonly createManifest: ManifestPort['createManifest'] = (draft, inUse) =>
    this.#maker.create(draft, inUse);

  readonly writeManifest: ManifestPort['writeManifest'] = (name, change, isDryRun) =>
    this.#maker.write(name, change, isDryRun);

  readonly removeManifest: ManifestPort['removeManifest'] = (name, options) =>
    this.#maker.remove(name, options);

  readonly rootObjection: ManifestPort['rootObjection'] = (path, except) =>
    this.#maker.rootObjection(path, except);

  readonly proveSpec: ManifestPort['proveSpec'] = (name, specHash) => this.#rollouts.prove(name, specHash);

  readonly rejectSpec: ManifestPort['rejectSpec'] = (name, specHash, because) =>
    this.#rollouts.reject(name, specHash, because);

  readonly retrySpec: ManifestPort['retrySpec'] = name => this.#rollouts.retry(name);

  readonly revisions: ManifestPort['revisions'] = name => this.#rollouts.history(name);

  judge(files: readonly FileText[]): readonly JudgedDocument[] {
    return judgeFiles(files, this.#scanner.view.contenders, this.#scanner.view.world);
  }

  #makerHost(addressRange: string): MakerHost {
    return {
      directory: this.#options.directory,
      addressRange,
      rescan: () => this.rescan(),
      desired: name => this.desired(name),
      fault: () => (this.#scanner.view.status.isHealthy ? '' : this.#scanner.view.status.message),
      contenders: () => this.#scanner.view.contenders,
      isNameTaken: name => this.#scanner.isNameTaken(name),
      world: () => this.#scanner.view.world,
      judge: (file, text) => this.judge([{ file, text }]),
      recordDeletion: async name =>
        void (await this.#loop.between(() => this.#scanner.recordDeletions([name]))),
    };
  }

  #rolloutHost(): RolloutHost {
    return {
      version: name => this.#scanner.versions.get(name) ?? null,
      contenders: () => this.#scanner.view.contenders,
      world: () => this.#scanner.view.world,
      desired: name => this.desired(name),
      record: async version => (await this.#scanner.record([version])).get(version.name) ?? null,
      between: work => this.#loop.between(work),
      announce: (name, desired) => this.#scanner.announce(name, desired),
      rescan: () => this.#scanAll(),
      nowText: () => this.#nowText(),
    };
  }

  /** Everything, by a scan that begins after this call. */
  #scanAll(): Promise<readonly string[]> {
    this.#scanner.lookAtEverything();
    return this.#loop.request();
  }

  async #close(): Promise<void> {
    this.#scanner.onTrigger = null;
    await this.#scanner.deafen();
    await this.#loop.close();
    await this.#scanner.idle();
  }

  #nowText(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

const DEFAULT_ADDRESS_RANGE = '10.233.0.0/16';
