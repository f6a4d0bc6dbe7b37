import { formerUnit } from '../api/adopted.ts';
import { unitName } from '../api/container.ts';
import type { Manifest } from '../api/manifest.ts';
import { isName } from '../api/name.ts';
import { isNixMade } from '../api/nix-source.ts';
import type { HostPort, HostTrigger, Verb } from '../controller/ports.ts';
import { HOST_KEY } from '../planning/host-planner.ts';
import type { HostDesired, HostObserved } from '../planning/host-state.ts';
import { hostLinkName } from '../planning/link-name.ts';
import type { UpdateRequest } from '../planning/nix-facts.ts';
import type { FormerUnitFacts, Observed, RootFacts } from '../planning/observed.ts';
import type { UnitPaths } from '../planning/render/unit.ts';
import type { HostStep } from '../planning/step.ts';
import { addressesInUse } from './addresses-in-use.ts';
import { allOf } from './all-of.ts';
import { type Bus, connectBus } from './bus.ts';
import { leftoverCopiesOf } from './ephemeral-copy.ts';
import { Executor } from './executor.ts';
import { listDirectory, removeWrittenAside } from './files.ts';
import { Glancer } from './glance.ts';
import { GuestHosts } from './guest-hosts.ts';
import { GuestSwitch } from './guest-switch.ts';
import { HostFactsReader, LOGIND_MATCHES } from './host-facts.ts';
import { HostsFile } from './hosts-file.ts';
import { complaints } from './journal.ts';
import { keptSystems, namesOfKept } from './kept-systems.ts';
import { LastWords } from './last-words.ts';
import { Launches } from './launches.ts';
import { enableIpv6Forwarding } from './link-settings.ts';
import { MACHINED_MATCHES, Machined, machineNews } from './machined.ts';
import { Network } from './network.ts';
import { type NetworkChange, NetworkMonitor } from './network-monitor.ts';
import { BURST_MS } from './news.ts';
import { Nix } from './nix.ts';
import { NixBuilds } from './nix-builds.ts';
import { generationsOf } from './nix-profile.ts';
import { otherRunning } from './other-running.ts';
import { GuestQuestions } from './probes/guest-questions.ts';
import { processFacts } from './process-facts.ts';
import { Records } from './records.ts';
import { observeRoot } from './root-tree.ts';
import { SourceGuard } from './source-guard.ts';
import { SourceWatch, watchedPath } from './source-watch.ts';
import { StartFifos } from './start-fifo.ts';
import { SYSTEMD_MATCHES, Systemd } from './systemd.ts';
import { UnitFiles } from './unit-files.ts';
import { UnitSignals } from './unit-signals.ts';
import { inOneClock } from './wall-clock.ts';

export interface LinuxHostOptions {
  readonly runtimeDirectory: string;
  readonly stateDirectory: string;
  readonly unitDirectory: string;
  readonly hostsFile: string;
  readonly enableIpv6Forwarding: boolean;
  /** NIX_PATH of builds. */
  readonly nixPath: string;
}

/**
 * The real host: systemd and machined over the bus, links by `ip`, the rest files.
 *
 * Architecture invariant: `observe` changes nothing and `apply` decides nothing.
 */
export class LinuxHost implements HostPort {
  readonly #bus: Bus;
  readonly #systemd: Systemd;
  readonly #signals = new UnitSignals();
  readonly #machined: Machined;
  readonly #facts: HostFactsReader;
  readonly #guard = new SourceGuard();
  readonly #network: Network;
  readonly #monitor: NetworkMonitor;
  readonly #records: Records;
  readonly #unitFiles: UnitFiles;
  readonly #fifos: StartFifos;
  readonly #hostsFile: HostsFile;
  readonly #guestHosts: GuestHosts;
  readonly #builds: NixBuilds;
  readonly #nix: Nix;
  readonly #sourceWatch = new SourceWatch(name => this.#onTrigger(name, BURST_MS));
  readonly #executor: Executor;
  readonly #options: LinuxHostOptions;
  readonly #glancer: Glancer;
  readonly #namesByLink = new Map<string, string>();
  /** Containers that were seen to want an interface of the host. */
  readonly #wantedBy = new Map<string, ReadonlySet<string>>();
  readonly #lastWords = new LastWords();
  readonly #complaints = new LastWords(complaints);
  readonly #launches = new Launches();
  readonly #questions: GuestQuestions;
  #onTrigger: HostTrigger = () => undefined;
  readonly addressesInUse = addressesInUse;

  static async connect(options: LinuxHostOptions): Promise<LinuxHost> {
    const matches = [...SYSTEMD_MATCHES, ...MACHINED_MATCHES, ...LOGIND_MATCHES];
    return new LinuxHost(await connectBus(matches, Systemd.subscribe), options);
  }

  private constructor(bus: Bus, options: LinuxHostOptions) {
    const { runtimeDirectory, stateDirectory } = options;
    this.#options = options;
    this.#bus = bus;
    this.#systemd = new Systemd(bus);
    this.#machined = new Machined(bus, this.#systemd);
    this.#facts = new HostFactsReader(bus, this.#systemd);
    this.#network = new Network(runtimeDirectory, this.#guard);
    this.#monitor = new NetworkMonitor(change => this.#networkChanged(change));
    this.#glancer = new Glancer({
      systemd: this.#systemd,
      guard: this.#guard,
      isNetworkWatched: () => this.#monitor.isWatching(),
      ...options,
    });
    this.#records = new Records(runtimeDirectory, stateDirectory);
    this.#questions = new GuestQuestions(this.#records, name => this.#onTrigger(name));
    this.#unitFiles = new UnitFiles(options.unitDirectory);
    this.#fifos = new StartFifos(
      runtimeDirectory,
      async name => (await this.#systemd.unit(name)).invocationId,
      name => this.#onTrigger(name),
    );
    this.#hostsFile = new HostsFile(options.hostsFile);
    this.#guestHosts = new GuestHosts(runtimeDirectory, options.hostsFile);
    this.#builds = new NixBuilds(stateDirectory, options.unitDirectory, this.#systemd);
    const switches = new GuestSwitch(this.#records, name => this.#onTrigger(name));
    this.#nix = new Nix({
      builds: this.#builds,
      switches,
      records: this.#records,
      searchPath: options.nixPath,
    });
    this.#executor = new Executor({
      systemd: this.#systemd,
      machined: this.#machined,
      network: this.#network,
      records: this.#records,
      unitFiles: this.#unitFiles,
      fifos: this.#fifos,
      guestHosts: this.#guestHosts,
      hostsFile: this.#hostsFile,
      nix: this.#nix,
      builds: this.#builds,
      switches,
      prober: this.#questions.prober,
      launches: this.#launches,
      guestCapacity: () => this.#facts.guestCapacity(() => this.#countRunning()),
    });
  }

  async start(onTrigger: HostTrigger, signal: AbortSignal): Promise<void> {
    this.#onTrigger = onTrigger;
    this.#bus.onSignal(busSignal => {
      this.#systemd.noteSignal(busSignal);
      const news = this.#signals.read(busSignal) ?? machineNews(busSignal);
      if (news !== undefined) this.#onTrigger(news.name, news.withinMs);
      if (this.#machined.isBack(busSignal)) this.#onTrigger(null);
    });
    this.#bus.onReconnect(() => {
      this.#signals.forget();
      onTrigger(null);
    });
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    await Promise.all([this.#facts.start(), this.#guard.start(), this.#removeWrittenAside()]);
    if (this.#options.enableIpv6Forwarding) enableIpv6Forwarding();
    this.#monitor.start();
  }

  /** Nobody else writes there, and we have written nothing yet. */
  async #removeWrittenAside(): Promise<void> {
    const { runtimeDirectory, unitDirectory } = this.#options;
    const kinds = (await listDirectory(runtimeDirectory)).map(kind => `${runtimeDirectory}/${kind}`);
    await Promise.all([unitDirectory, ...kinds].map(removeWrittenAside));
  }

  readonly booting: HostPort['booting'] = () => this.#systemd.bootingContainers();

  async bootId(): Promise<string> {
    return (await this.#facts.read(async () => 0)).bootId;
  }

  /** For `nspawnctl` and the unit's text. */
  unitPaths(name: string): UnitPaths {
    return {
      fifo: this.#fifos.path(name),
      guestHosts: this.#guestHosts.path(name),
      endedDirectory: this.#records.endedDirectory(),
      runtimeDirectory: this.#options.runtimeDirectory,
      nixDirectory: this.#builds.directory(name),
    };
  }

  async list(): Promise<readonly string[]> {
    this.#guard.invalidate();
    const lists = await Promise.all([
      this.#unitFiles.names(),
      this.#network.names(),
      this.#records.names(),
      this.#fifos.names(),
      this.#guestHosts.names(),
      this.#builds.names(),
      namesOfKept(),
    ]);
    const names = new Set(lists.flat().filter(isName));
    for (const name of await otherRunning(this.#systemd, names)) names.add(name);
    return [...names];
  }

  readonly remembered = () => this.#records.remembered();

  observe(name: string, manifest: Manifest | null): Promise<Observed> {
    this.#namesByLink.set(hostLinkName(name), name);
    this.#sourceWatch.set(name, manifest === null ? null : watchedPath(manifest));
    for (const link of [...(manifest?.spec.macvlans ?? []), ...(manifest?.spec.interfaces ?? [])])
      this.#wantedBy.set(link, new Set([...(this.#wantedBy.get(link) ?? []), name]));
    return inOneClock(() => this.#observe(name, manifest));
  }

  async #observe(name: string, manifest: Manifest | null): Promise<Observed> {
    const lookedAt = Date.now();
    const isLaunched = this.#launches.watch(name);
    const lastWords = this.#lastWords.ahead(this.#records.ended(name));
    const asksUnit = this.#systemd.unit(name);
    const [{ unit, machined, unitFile, ...early }] = await Promise.all([
      allOf({
        host: this.#facts.read(() => this.#countRunning()),
        unit: asksUnit,
        unitFile: this.#unitFiles.observe(name),
        machined: this.#machined.look(name, asksUnit),
        request: this.#records.request(name),
        history: this.#records.history(name),
        suspension: this.#records.suspension(name),
        root: manifest === null ? NO_ROOT : observeRoot(manifest.spec.root, isNixMade(manifest.spec)),
        fifo: this.#fifos.observe(name),
        guestHosts: this.#guestHosts.observe(name),
      }),
      lastWords,
    ]);
    const { machine } = machined;
    const isRunning =
      unit.mainPid > 0 && machine !== null && machine.unit === unitName(name) && machine.isLeaderAlive;
    const leader = isRunning ? machine.leader : null;
    const { asked, ...late } = await allOf({
      asked: this.#questions.facts(name, unit, manifest),
      leftoverCopies: unit.mainPid > 0 ? [] : leftoverCopiesOf(manifest, unitFile.text),
      former: this.#formerUnit(name, manifest),
      process: processFacts(unit.mainPid),
      sandbox: this.#network.observe(name, leader, this.#monitor.isWatching(), manifest?.spec),
      // Later than the unit: one that is seen to be down has left its record.
      ended: this.#records.ended(name).then(record => this.#lastWords.of(record, unit.mainPid > 0)),
      hasMemory: this.#records.hasMemory(name),
      nix: manifest === null ? null : this.#nix.observe(name, manifest, unit.invocationId),
      hasNixLeftovers: this.#builds.hasAny(name),
      keptSystems: keptSystems(name),
    });
    const complaint = late.ended === null ? await this.#complaints.ofFailed(unit) : '';
    const now = Date.now();
    const seen = { ...early, ...machined, ...asked, ...late };
    const last = { ...unit, hasJob: unit.hasJob || isLaunched() };
    return { name, lookedAt, now, ...seen, unit: last, unitFile, complaint };
  }

  readonly glance: HostPort['glance'] = names => this.#glancer.glance(names);

  async apply(name: string, step: HostStep, signal: AbortSignal): Promise<void> {
    await this.#executor.apply(name, step, signal);
  }

  async observeHost(_desired: HostDesired): Promise<HostObserved> {
    const [isStopping, hostsBlock, guestBlocks] = await Promise.all([
      this.#facts.isStopping(),
      this.#hostsFile.block(),
      this.#guestHosts.blocks(),
    ]);
    return { isStopping, hostsBlock, guestBlocks };
  }

  readonly applyHost: HostPort['applyHost'] = (step, signal) => this.#executor.apply(HOST_KEY, step, signal);

  async putRequest(name: string, verb: Verb, reason: string): Promise<void> {
    const { invocationId, mainPid } = await this.#systemd.unit(name);
    await this.#records.putRequest(name, {
      verb: verb === 'terminate' ? 'stop' : verb,
      ...(verb === 'terminate' ? { isForced: true } : {}),
      invocationId: mainPid > 0 ? invocationId : '',
      reason,
      at: Date.now(),
    });
  }

  readonly putSuspension: HostPort['putSuspension'] = (...what) => this.#records.putSuspension(...what);

  async putUpdate(name: string, update: UpdateRequest): Promise<void> {
    await this.#records.putUpdate(name, update);
  }

  readonly generations = generationsOf;

  readonly saveMemory: HostPort['saveMemory'] = (name, memory) => this.#records.putMemory(name, memory);

  readonly loadMemory: HostPort['loadMemory'] = name => this.#records.memory(name);

  readonly lookAgain: HostPort['lookAgain'] = name => this.#questions.lookAgain(name);

  async #formerUnit(name: string, manifest: Manifest | null): Promise<FormerUnitFacts | null> {
    const unit = manifest === null ? null : formerUnit(name, manifest.annotations);
    if (unit === null || unit === unitName(name)) return null;
    return { unit, activeState: await this.#systemd.activeState(unit) };
  }

  #stop(): void {
    this.#monitor.stop();
    this.#fifos.stop();
    this.#sourceWatch.stop();
    this.#questions.stop();
    this.#bus.close();
  }

  #networkChanged(change: NetworkChange | null): void {
    if (change === null) {
      this.#network.invalidate(null);
      this.#onTrigger(null);
      return;
    }
    const name = this.#nameOf(change);
    if (name === undefined && 'namespaceId' in change) this.#network.invalidateUnknown();
    const wanting = 'link' in change ? (this.#wantedBy.get(change.link) ?? []) : [];
    for (const affected of name === undefined ? wanting : [name, ...wanting]) {
      this.#network.invalidate(affected);
      this.#onTrigger(affected, BURST_MS);
    }
  }

  #nameOf(change: NetworkChange): string | undefined {
    if ('link' in change) return this.#namesByLink.get(change.link);
    if ('namespace' in change) return change.namespace;
    return this.#network.nameOfNamespace(change.namespaceId);
  }

  async #countRunning(): Promise<number> {
    return (await this.#systemd.runningContainers()).length;
  }
}

const NO_ROOT: RootFacts = { state: 'missing', realPath: '', missing: [], detail: '' };
