import { isName } from '../api/name.ts';
import type { Desired } from '../planning/desired.ts';
import { AcceptedStore } from './accepted-store.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { type Clock, systemClock } from './clock.ts';
import { compareDesired } from './compare-desired.ts';
import type { World } from './contender.ts';
import { type Decision, decide, tombstone } from './decide.ts';
import { GuardKeeper } from './guard-keeper.ts';
import { HostAddresses } from './host-addresses.ts';
import { IdentityKeeper } from './identity-keeper.ts';
import { editsBetween, judgeEdits } from './judge-edits.ts';
import { RealRoots } from './real-roots.ts';
import { reportChange, reportStatus } from './report.ts';
import { safeText } from './safe-text.ts';
import { isSameBesidesFiles, isSameSight, type Sight } from './sight.ts';
import { type Snapshot, SnapshotTaker } from './snapshot.ts';
import type { ManifestSourceOptions } from './source-options.ts';
import { noStatus, statusOf } from './status.ts';
import { rootsIn, survey } from './survey.ts';
import { Touched } from './touched.ts';
import { withoutUnrecorded } from './unrecorded.ts';
import { isReadWhole, type View } from './view.ts';
import { DirectoryWatch } from './watch.ts';
import { lookAtWorld } from './world.ts';

/** When a scanner wants to be asked to scan. */
export interface ScanTimes {
  /** Something may have changed. */
  wake(): void;
  /** After the shortest of these times; null: nothing is due. */
  wakeInFirst(delaysMs: readonly (number | null)[]): void;
}

/**
 * One scan after the other, and what they know. A scan, in this order: list and read -> look up roots -> survey -> identity
 * of the directory -> fate of the vanished -> admission and decision -> record -> announce -> watch. All but the first two
 * and the record is pure and in one turn. Where the first two find what they found when nothing was left to do, it ends
 * there; and where the watch has named the files to which something happened, those are all that is looked at, if they can
 * be judged without the others.
 *
 * Architecture invariant: what is announced has been recorded, so a kill -9 forgets nothing that anybody has seen.
 */
export class Scanner {
  /** Hears the names whose Desired changed; null: nobody listens yet. */
  onTrigger: ((names: readonly string[]) => void) | null = null;
  readonly #options: ManifestSourceOptions;
  readonly #times: ScanTimes;
  readonly #clock: Clock;
  readonly #store: AcceptedStore;
  readonly #taker: SnapshotTaker;
  readonly #identity: IdentityKeeper;
  readonly #guard: GuardKeeper;
  readonly #roots = new RealRoots();
  readonly #addresses: HostAddresses;
  readonly #watch: DirectoryWatch;
  readonly #touched = new Touched();
  /** Names without a version that were found on the host. */
  readonly #hostNames = new Set<string>();
  #isHostListed = false;
  #areRootsStale = true;
  readonly #desired = new Map<string, Desired>();
  /** What the last scan saw, where it left nothing to do, nothing to wait for and nothing held. */
  #restful: Sight | null = null;
  #view: View;

  /** Its directories are absolute. */
  constructor(options: ManifestSourceOptions, times: ScanTimes) {
    const { directory, stateDirectory, ownerUid, log, clock = systemClock } = options;
    this.#options = options;
    this.#times = times;
    this.#clock = clock;
    this.#addresses = new HostAddresses(options.hostAddresses);
    this.#store = new AcceptedStore(`${stateDirectory}/accepted`, log);
    this.#identity = new IdentityKeeper(`${stateDirectory}/directory.json`, options.bootId, log);
    this.#guard = new GuardKeeper(`${stateDirectory}/held.json`, log);
    this.#taker = new SnapshotTaker(directory, ownerUid, clock);
    this.#watch = new DirectoryWatch(realPath => this.#hear(realPath), log);
    this.#view = {
      status: noStatus(directory),
      canTellAbsence: false,
      contenders: [],
      world: this.#look([]),
    };
  }

  /** Reads what an earlier nspawnd has recorded. */
  async load(): Promise<void> {
    await this.#store.load();
    await this.#identity.load();
    await this.#guard.load();
    for (const name of this.#store.unreadable) this.#hostNames.add(name);
  }

  /** Resolves when what happens to the directory is heard of. */
  async listens(): Promise<void> {
    await this.#watch.ready();
  }

  /** What the last scan left for questions. */
  get view(): View {
    return this.#view;
  }

  get versions(): ReadonlyMap<string, AcceptedVersion> {
    return this.#store.versions;
  }

  get desired(): ReadonlyMap<string, Desired> {
    return this.#desired;
  }

  isNameTaken(name: string): boolean {
    return this.#desired.has(name) || this.#hostNames.has(name);
  }

  /** The next scan looks at everything. */
  lookAtEverything(): void {
    this.#touched.anything();
  }

  /** The next scan asks anew where roots are, and which addresses the host has. */
  lookAtHost(): void {
    this.#areRootsStale = true;
  }

  /** Takes in which names are on the host; whether that is news. */
  adopt(namesOnHost: readonly string[]): boolean {
    const isNews = !this.#isHostListed;
    this.#isHostListed = true;
    const strangers = namesOnHost.filter(
      name => isName(name) && !this.#store.versions.has(name) && !this.#hostNames.has(name),
    );
    for (const name of strangers) this.#hostNames.add(name);
    return isNews || strangers.length > 0;
  }

  /** Nothing is left of it. */
  async forget(name: string): Promise<void> {
    this.#hostNames.delete(name);
    await this.#store.remove(name);
  }

  /** What is desired of a name, where nothing else is another for it. */
  announce(name: string, desired: Desired): void {
    this.#desired.set(name, desired);
  }

  /** Resolves with the names whose Desired changed. Never two at once. */
  async scan(): Promise<readonly string[]> {
    try {
      return (await this.#scanEdits(this.#touched.take())) ?? (await this.#scanAll());
    } catch (error) {
      // What it was to look at is forgotten by now.
      this.#touched.anything();
      throw error;
    }
  }

  /** Null: everything has to be looked at. */
  async #scanEdits(realPaths: ReadonlySet<string> | null): Promise<readonly string[] | null> {
    const restful = this.#restful;
    if (realPaths === null || restful === null) return null;
    const sight = this.#sight(restful.snapshot);
    if (!isSameBesidesFiles(restful, sight)) return null;
    const snapshot = await this.#taker.retake(restful.snapshot, realPaths);
    if (snapshot === null) return null;
    const situation = { view: this.#view, versions: this.#store.versions, nowText: this.#nowText() };
    const decision = judgeEdits(editsBetween(restful.snapshot, snapshot), situation);
    if (decision === null) return null;

    const { desired, keep, contenders } = decision;
    this.#restful = null;
    const failures = await this.record(keep);
    if (failures.size > 0) return null;
    const view = { ...this.#viewOfNow(), contenders };
    const changed = this.#publish(this.#amongDesired(desired.keys()), desired, view);
    // What was recorded for these was judged, and takes no other scan; what else came meanwhile does.
    this.#restful = { ...sight, snapshot, versions: sight.versions + keep.length };
    return changed;
  }

  async #scanAll(): Promise<readonly string[]> {
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
    const failures = await this.record(decision.keep);
    for (const name of decision.drop) {
      await this.#store.remove(name);
      this.#hostNames.add(name);
    }
    const desired = withoutUnrecorded(decision, failures, this.#store.versions);
    const { directory } = this.#options;
    const { problems } = decision;
    const scan = { directory, problems, files: snapshot.files.length, lastScan: this.#nowText() };
    const changed = this.#publish(this.#desired, desired, {
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
    this.#view = this.#viewOfNow();
    this.#lookAgain(snapshot, []);
    return [];
  }

  /** What the last scan left, as found once more. */
  #viewOfNow(): View {
    return { ...this.#view, status: { ...this.#view.status, lastScan: this.#nowText() } };
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
    const all = [...dues, hasNewWatch ? WATCH_GAP_MS : null];
    if (all.some(due => due !== null)) this.#touched.anything();
    this.#times.wakeInFirst(all);
  }

  #look(directories: readonly string[]): World {
    return lookAtWorld(this.#options, this.#addresses.known(), this.#roots, directories);
  }

  /** Keeps versions and tombstones; what could not be written is logged and comes back by name. */
  async record(versions: Decision['keep']): Promise<ReadonlyMap<string, Error>> {
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
  recordDeletions(names: readonly string[]): Promise<ReadonlyMap<string, Error>> {
    const { versions } = this.#store;
    const nowText = this.#nowText();
    return this.record(names.map(name => tombstone(name, versions.get(name) ?? null, nowText)));
  }

  /** Makes `desired` of what was `before`, and tells who is concerned. */
  #publish(
    before: ReadonlyMap<string, Desired>,
    desired: ReadonlyMap<string, Desired>,
    view: View,
  ): readonly string[] {
    const { log } = this.#options;
    const { next, changed } = compareDesired(before, desired, (name, old, now) =>
      reportChange(log, name, old, now),
    );
    reportStatus(log, this.#view.status, view.status);
    for (const name of before.keys()) if (!next.has(name)) this.#desired.delete(name);
    for (const [name, now] of next) this.#desired.set(name, now);
    this.#view = view;
    if (changed.length > 0) this.onTrigger?.(changed);
    return changed;
  }

  #amongDesired(names: Iterable<string>): ReadonlyMap<string, Desired> {
    const found = new Map<string, Desired>();
    for (const name of names) {
      const desired = this.#desired.get(name);
      if (desired !== undefined) found.set(name, desired);
    }
    return found;
  }

  #hear(realPath: string | null): void {
    if (realPath === null) this.#touched.anything();
    else this.#touched.file(realPath);
    this.#times.wake();
  }

  /** Nothing is heard of the directory any more. */
  async deafen(): Promise<void> {
    await this.#watch.close();
  }

  /** Resolves when everything begun is on disk. */
  async idle(): Promise<void> {
    await this.#store.idle();
  }

  #nowText(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

/** A watch needs a moment to listen; what happened meanwhile is seen by one more scan. */
const WATCH_GAP_MS = 100;
