import { resolve } from 'node:path';
import { isName } from '../api/name.ts';
import type { FileText, JudgedDocument, ManifestPort, SourceStatus } from '../controller/ports.ts';
import { NspawndError } from '../errors.ts';
import type { Desired } from '../planning/desired.ts';
import { AcceptedStore } from './accepted-store.ts';
import { type Clock, systemClock } from './clock.ts';
import { compareDesired } from './compare-desired.ts';
import type { World } from './contender.ts';
import { type Decision, decide, tombstone } from './decide.ts';
import { GuardKeeper } from './guard-keeper.ts';
import { HostAddresses } from './host-addresses.ts';
import { IdentityKeeper } from './identity-keeper.ts';
import { judgeFiles } from './judge.ts';
import { Maker, type MakerHost } from './maker.ts';
import { RealRoots } from './real-roots.ts';
import { reportChange, reportStatus } from './report.ts';
import { type RolloutHost, Rollouts } from './rollouts.ts';
import { safeText } from './safe-text.ts';
import { ScanLoop } from './scan-loop.ts';
import { isSameSight, type Sight } from './sight.ts';
import { type Snapshot, SnapshotTaker } from './snapshot.ts';
import type { ManifestSourceOptions } from './source-options.ts';
import { noStatus, statusOf } from './status.ts';
import { rootsIn, survey } from './survey.ts';
import { withoutUnrecorded } from './unrecorded.ts';
import { isReadWhole, type View } from './view.ts';
import { warmUp } from './warm-up.ts';
import { DirectoryWatch } from './watch.ts';
import { lookAtWorld } from './world.ts';

/** A directory as Desired state; see `ManifestPort`. */
export function createManifestSource(options: ManifestSourceOptions): ManifestPort {
  return new ManifestSource(options);
}

/**
 * The scan, in this order: list and read -> look up roots -> survey -> identity of the directory -> fate of the vanished ->
 * admission and decision -> record -> announce -> watch. All but the first two and the record is pure and in one turn. Where
 * the first two find what they found when nothing was left to do, it ends there.
 *
 * Architecture invariant: what is announced has been recorded, so a kill -9 forgets nothing that anybody has seen.
 */
class ManifestSource implements ManifestPort {
  readonly #options: ManifestSourceOptions;
  readonly #clock: Clock;
  readonly #store: AcceptedStore;
  readonly #taker: SnapshotTaker;
  readonly #identity: IdentityKeeper;
  readonly #guard: GuardKeeper;
  readonly #roots = new RealRoots();
  readonly #addresses: HostAddresses;
  readonly #watch: DirectoryWatch;
  readonly #loop: ScanLoop<readonly string[]>;
  readonly #maker: Maker;
  readonly #rollouts = new Rollouts(this.#rolloutHost());
  /** Null until `start` has resolved: nobody listens before. */
  #onTrigger: ((names: readonly string[]) => void) | null = null;
  /** Names without a version that were found on the host. */
  readonly #hostNames = new Set<string>();
  #isHostListed = false;
  #areRootsStale = true;
  #desired = new Map<string, Desired>();
  /** What the last scan saw, where it left nothing to do, nothing to wait for and nothing held. */
  #restful: Sight | null = null;
  #view: View;

  constructor(options: ManifestSourceOptions) {
    const { ownerUid, log, clock = systemClock } = options;
    const directory = resolve(options.directory);
    const stateDirectory = resolve(options.stateDirectory);
    this.#options = { ...options, directory, stateDirectory };
    this.#clock = clock;
    this.#addresses = new HostAddresses(options.hostAddresses);
    this.#store = new AcceptedStore(`${stateDirectory}/accepted`, log);
    this.#identity = new IdentityKeeper(`${stateDirectory}/directory.json`, options.bootId, log);
    this.#guard = new GuardKeeper(`${stateDirectory}/held.json`, log);
    this.#taker = new SnapshotTaker(directory, ownerUid, clock);
    this.#loop = new ScanLoop(
      () => this.#scan(),
      clock,
      err => log.error({ err, directory }, 'scanning the manifests failed; the next scan tries again'),
    );
    this.#watch = new DirectoryWatch(() => this.#loop.wake(), log);
    this.#maker = new Maker(this.#makerHost(options.addressRange ?? DEFAULT_ADDRESS_RANGE));
    this.#view = {
      status: noStatus(directory),
      canTellAbsence: false,
      contenders: [],
      world: this.#look([]),
    };
  }

  async start(onTrigger: (names: readonly string[]) => void, signal: AbortSignal): Promise<void> {
    await this.#store.load();
    await this.#identity.load();
    await this.#guard.load();
    for (const name of this.#store.unreadable) this.#hostNames.add(name);
    warmUp(this.#options.hostLinkName);
    signal.addEventListener('abort', () => void this.#close(), { once: true });
    if (signal.aborted) return await this.#close();
    // The first scan finds what to watch; the second sees what came before the watch listened.
    await this.#loop.request();
    await this.#watch.ready();
    await this.#loop.request();
    if (!signal.aborted) this.#onTrigger = onTrigger;
  }

  async rescan(): Promise<readonly string[]> {
    this.#areRootsStale = true;
    return await this.#loop.request();
  }

  desired(name: string): Desired {
    const desired = this.#desired.get(name);
    if (desired !== undefined) return desired;
    if (this.#view.canTellAbsence) return { state: 'absent' };
    const reason = this.#view.status.message || 'the manifests were not all read yet';
    return { state: 'unknown', problems: [], reason };
  }

  names(): readonly string[] {
    return [...this.#desired.keys()].sort();
  }

  async adopt(namesOnHost: readonly string[]): Promise<void> {
    const isNews = !this.#isHostListed;
    this.#isHostListed = true;
    const strangers = namesOnHost.filter(
      name => isName(name) && !this.#store.versions.has(name) && !this.#hostNames.has(name),
    );
    for (const name of strangers) this.#hostNames.add(name);
    if (isNews || strangers.length > 0) await this.#loop.request();
  }

  async forget(name: string): Promise<void> {
    if (this.#desired.get(name)?.state !== 'absent') return;
    this.#hostNames.delete(name);
    await this.#store.remove(name);
    // Somebody may have waited for it to go.
    await this.#loop.request();
  }

  status(): SourceStatus {
    return this.#view.status;
  }

  async confirmPrune(hash: string): Promise<boolean> {
    await this.#loop.request();
    const failures = await this.#loop.between(async () => {
      const { held } = this.#view.status;
      if (held === null || held.hash !== hash) return null;
      this.#options.log.warn({ names: held.names, hash }, 'held deletions were confirmed');
      return await this.#recordDeletions(held.names);
    });
    await this.#loop.request();
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
    return judgeFiles(files, this.#view.contenders, this.#view.world);
  }

  #makerHost(addressRange: string): MakerHost {
    return {
      directory: this.#options.directory,
      addressRange,
      rescan: () => this.rescan(),
      desired: name => this.desired(name),
      fault: () => (this.#view.status.isHealthy ? '' : this.#view.status.message),
      contenders: () => this.#view.contenders,
      isNameTaken: name => this.#desired.has(name) || this.#hostNames.has(name),
      world: () => this.#view.world,
      judge: (file, text) => this.judge([{ file, text }]),
      recordDeletion: async name => void (await this.#loop.between(() => this.#recordDeletions([name]))),
    };
  }

  #rolloutHost(): RolloutHost {
    return {
      version: name => this.#store.versions.get(name) ?? null,
      contenders: () => this.#view.contenders,
      world: () => this.#view.world,
      desired: name => this.desired(name),
      record: async version => (await this.#record([version])).get(version.name) ?? null,
      between: work => this.#loop.between(work),
      announce: (name, desired) => void this.#desired.set(name, desired),
      rescan: () => this.#loop.request(),
      nowText: () => this.#nowText(),
    };
  }

  async #scan(): Promise<readonly string[]> {
    const snapshot = await this.#taker.take();
    const areRootsStale = this.#areRootsStale;
    this.#areRootsStale = false;
    if (areRootsStale) await this.#addresses.look();
    await this.#roots.look(
      rootsIn(snapshot, this.#store.versions).add(this.#options.stateDirectory),
      areRootsStale,
    );

    const sight = this.#sight(snapshot);
    if (this.#restful !== null && isSameSight(this.#restful, sight)) return this.#passOver(snapshot);
    this.#restful = null;

    const found = survey(snapshot, this.#store.versions, this.#hostNames);
    const monotonicMs = this.#clock.monotonic();
    const { isReplaced, againInMs } = this.#identity.look(snapshot.listing, found, monotonicMs);
    const isHostListed = this.#isHostListed;
    const guard = this.#guard.look(snapshot, found, { isReplaced, isHostListed, monotonicMs });
    const world = this.#look([snapshot.listing.realPath]);
    const decision = decide({
      survey: found,
      fate: guard.fate,
      versions: this.#store.versions,
      world,
      previous: this.#desired,
      nowText: this.#nowText(),
    });

    await this.#guard.keep();
    const failures = await this.#record(decision.keep);
    for (const name of decision.drop) {
      await this.#store.remove(name);
      this.#hostNames.add(name);
    }
    const desired = withoutUnrecorded(decision, failures, this.#store.versions);
    const { directory } = this.#options;
    const { problems } = decision;
    const scan = { directory, problems, files: snapshot.files.length, lastScan: this.#nowText() };
    const changed = this.#announce(desired, {
      status: statusOf(scan, snapshot.listing, isReplaced, guard),
      canTellAbsence: isHostListed && !isReplaced && isReadWhole(snapshot.listing, found, guard),
      contenders: decision.contenders,
      world,
    });

    const dues = [snapshot.dueInMs, guard.againInMs, againInMs];
    const isRestful =
      found.vanished.size === 0 && !isReplaced && this.#guard.isKept && dues.every(due => due === null);
    // What was recorded makes another sight: the next scan judges once more, and that one is passed over from then on.
    if (isRestful && failures.size === 0) this.#restful = sight;
    this.#lookAgain(snapshot, dues);
    return changed;
  }

  /** Everything is as it was when nothing was left to do: only the time is another. */
  #passOver(snapshot: Snapshot): readonly string[] {
    const { status } = this.#view;
    this.#view = { ...this.#view, status: { ...status, lastScan: this.#nowText() } };
    this.#lookAgain(snapshot, []);
    return [];
  }

  #sight(snapshot: Snapshot): Sight {
    return {
      snapshot,
      versions: this.#store.revision,
      roots: this.#roots.revision,
      hostAddresses: this.#addresses.known(),
      hostNames: [...this.#hostNames],
      isHostListed: this.#isHostListed,
    };
  }

  /** Watches what there is now, and scans again when something is due. */
  #lookAgain(snapshot: Snapshot, dues: readonly (number | null)[]): void {
    const hasNewWatch = this.#watch.follow(snapshot.listing.watchPoints);
    this.#loop.wakeInFirst([...dues, hasNewWatch ? WATCH_GAP_MS : null]);
  }

  #look(directories: readonly string[]): World {
    return lookAtWorld(this.#options, this.#addresses.known(), this.#roots, directories);
  }

  /** Keeps versions and tombstones; what could not be written is logged and comes back by name. */
  async #record(versions: Decision['keep']): Promise<ReadonlyMap<string, Error>> {
    const failures = await this.#store.save(versions);
    for (const version of versions) {
      const err = failures.get(version.name);
      const fields = { name: version.name, file: version.file === null ? null : safeText(version.file) };
      if (err !== undefined) this.#options.log.error({ ...fields, err }, 'a manifest could not be recorded');
      else this.#hostNames.delete(version.name);
    }
    return failures;
  }

  /** For a turn of its own: a rollout that began before would write the version it has read over the tombstone. */
  #recordDeletions(names: readonly string[]): Promise<ReadonlyMap<string, Error>> {
    const { versions } = this.#store;
    const nowText = this.#nowText();
    return this.#record(names.map(name => tombstone(name, versions.get(name) ?? null, nowText)));
  }

  /** Publishes what a scan decided and tells who is concerned. */
  #announce(desired: ReadonlyMap<string, Desired>, view: View): readonly string[] {
    const { next, changed } = compareDesired(this.#desired, desired, (name, old, now) =>
      reportChange(this.#options.log, name, old, now),
    );
    reportStatus(this.#options.log, this.#view.status, view.status);
    this.#desired = next;
    this.#view = view;
    if (changed.length > 0) this.#onTrigger?.(changed);
    return changed;
  }

  async #close(): Promise<void> {
    this.#onTrigger = null;
    await this.#watch.close();
    await this.#loop.close();
    await this.#store.idle();
  }

  #nowText(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

/** A watch needs a moment to listen; what happened meanwhile is seen by one more scan. */
const WATCH_GAP_MS = 100;

const DEFAULT_ADDRESS_RANGE = '10.233.0.0/16';
