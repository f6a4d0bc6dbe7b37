import { hostLinkName } from '../../src/planning/link-name.ts';
import type { EndedRecord, History, Request, RootFacts, Suspension } from '../../src/planning/observed.ts';
import { isOurUnit } from '../../src/planning/render/unit.ts';
import { ModelNix } from './model-nix.ts';
import { ModelProbes } from './model-probes.ts';

/**
 * A host in memory: units with systemd's states, nspawn, its guests, machined, namespaces, links and files, as far as
 * nspawnd can see or change them. What takes time waits in `pending` until `progress()`: the test says when a guest has
 * booted or powered off. Time stands still but for `advance()`. Whatever the real thing would do differently is a bug in
 * here: `host-contract.ts` says what both have to do.
 */
export class ModelHost {
  now = Date.parse('2026-01-02T03:04:05Z');
  readonly units = new Map<string, ModelUnit>();
  readonly unitFiles = new Map<string, string>();
  /** Names in /run/netns; null is a file that is no namespace. */
  readonly namespaces = new Map<string, number | null>();
  /** By the name of the host's end. */
  readonly pairs = new Map<string, ModelPair>();
  readonly guard = new Map<string, readonly string[]>();
  readonly marks = new Map<string, string>();
  /** The host's own interfaces by name, and in which namespace each is. Virtual ones: they die with it. */
  readonly interfaces = new Map<string, number>();
  /** Units in which containers ran before: those that run. */
  readonly formerUnits = new Set<string>();
  /** Which of them are a container's for now. */
  readonly lent = new Map<string, readonly string[]>();
  /** Macvlans by namespace: the interfaces they are on. */
  readonly macvlans = new Map<number, readonly string[]>();
  readonly machines = new Map<string, ModelMachine>();
  readonly fifos = new Map<string, ModelFifo>();
  readonly roots = new Map<string, RootFacts>();
  readonly ended = new Map<string, Omit<EndedRecord, 'lastLines'>>();
  readonly requests = new Map<string, Request>();
  readonly histories = new Map<string, History>();
  readonly memories = new Map<string, string>();
  /** On disk that outlives a boot. */
  readonly suspensions = new Map<string, Suspension>();
  readonly guestHosts = new Map<string, string>();
  /** Words in a unit with which no guest boots. */
  readonly doomed = new Set<string>();
  readonly nix = new ModelNix(this);
  readonly probes = new ModelProbes(this);
  hostsBlock: string | null = null;
  isStopping = false;
  /** Which boot this is. */
  boots = 1;
  guestLimit: number | null = null;
  /** Guests that never say that they are ready. */
  readonly hanging = new Set<string>();
  /** Leaders that live and are no container's. */
  readonly strangers = new Set<number>();
  /** Guests that hear no stop. */
  readonly deaf = new Set<string>();
  /** Takes what takes its time into its own hands; null: it waits for `progress()`. */
  schedule: ((what: string, afterMs: number, happen: () => void) => void) | null = null;
  /** How long machined still holds a run that has ended, and its leader lives. */
  lingersMs: () => number = () => 0;
  /** Brings a signal to whoever listens: at once, unless somebody is in the way. */
  carry: (deliver: () => void) => void = deliver => deliver();
  /** Hears of every end of a run, as it was. */
  onEnd: ((name: string, end: RunEnd, isStopAsked: boolean) => void) | null = null;
  isMachinedAway = false;
  /** machined keeps what it should forget. */
  leaksRegistrations = false;
  /** Nobody hears of anything. */
  losesSignals = false;
  /** How often something changed that nspawnd did not change itself: what it saw before may be out of date. */
  disturbances = 0;
  readonly pending: PendingEvent[] = [];
  readonly listeners = new Set<(name: string | null) => void>();
  readonly #lingering = new Set<number>();
  #lastId = 0;

  countRuns(): number {
    return [...this.units.values()].filter(unit => unit.run !== undefined).length;
  }

  unit(name: string): ModelUnit {
    const known = this.units.get(name);
    if (known !== undefined) return known;
    const unit: ModelUnit = { activeState: 'inactive', result: 'success', isMasked: false, isPinned: false };
    this.units.set(name, unit);
    return unit;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  // What systemd does.

  /** StartUnit. What is loaded runs, whatever the file says by now. */
  startUnit(name: string): void {
    const unit = this.unit(name);
    if (unit.run !== undefined || unit.isMasked) return;
    const text = unit.loadedText ?? this.unitFiles.get(name);
    if (text === undefined) return;
    unit.loadedText = text;
    const invocationId = this.nextId().toString(16).padStart(32, '0');
    const namespacePath = argumentOf(text, '--network-namespace-path=');
    const namespace = namespacePath === null ? HOST_NAMESPACE : (this.namespaces.get(name) ?? null);
    const root = argumentOf(text, '--directory=') ?? '';
    unit.invocationId = invocationId;
    unit.startedAt = this.now;
    unit.changedAt = this.now;
    delete unit.activeAt;
    const isReady = (this.roots.get(root)?.state ?? 'ready') === 'ready';
    if (namespace === null || !isReady || this.#isMachineTaken(name)) {
      this.onEnd?.(name, NOT_STARTED, false);
      this.#recordEnd(name, NOT_STARTED, false);
      unit.activeState = 'failed';
      unit.result = 'exit-code';
      this.trigger(name);
      return;
    }
    unit.run = { pid: this.nextId(), leader: this.nextId(), namespace, text, hasBooted: false };
    unit.activeState = text.includes('--notify-ready=yes') ? 'activating' : 'active';
    if (unit.activeState === 'active') unit.activeAt = this.now;
    if (!this.isMachinedAway) this.register(name);
    const isDoomed = [...this.doomed].some(word => text.includes(word));
    if (isDoomed) this.#later(name, 'boot', invocationId, () => this.guestPanics(name));
    else if (!this.hanging.has(name)) this.#later(name, 'boot', invocationId, () => this.#booted(name));
    else if (unit.activeState === 'activating') {
      const timeoutMs = secondsOf(text, 'TimeoutStartSec') * 1000;
      this.#later(name, 'time out', invocationId, () => this.#missStart(name), timeoutMs);
    }
    this.trigger(name);
  }

  /** What nspawn says to machined of a guest that runs. */
  register(name: string): void {
    const { run } = this.unit(name);
    if (run === undefined) return;
    const root = argumentOf(run.text, '--directory=') ?? '';
    this.machines.set(name, { leader: run.leader, root, unit: `container@${name}.service` });
  }

  /** StopUnit. A guest that is still starting has no handler and goes on until it is killed. */
  stopUnit(name: string): void {
    const unit = this.unit(name);
    if (unit.run === undefined || unit.activeState === 'deactivating') return;
    unit.run.isStopAsked = true;
    const hasHandler = unit.activeState === 'active' && unit.run.hasBooted;
    unit.activeState = 'deactivating';
    unit.changedAt = this.now;
    const invocationId = unit.invocationId ?? '';
    const isHeard = hasHandler && !this.deaf.has(name);
    if (isHeard) this.#later(name, 'power off', invocationId, () => this.guestPowersOff(name));
    else {
      const timeoutMs = secondsOf(unit.run.text, 'TimeoutStopSec') * 1000;
      this.#later(name, 'time out', invocationId, () => this.#endRun(name, TIMED_OUT), timeoutMs);
    }
    this.trigger(name);
  }

  /** SIGTERM to nspawn: the second one ends it at once. */
  signalMain(name: string): void {
    const unit = this.unit(name);
    if (unit.activeState === 'deactivating') this.#endRun(name, SIGTERMED);
  }

  /** SIGRTMIN+3 to the guest's init, which by now has its handler. */
  askToPowerOff(name: string): void {
    if (this.deaf.has(name)) return;
    const invocationId = this.unit(name).invocationId ?? '';
    if (this.pending.some(event => event.invocationId === invocationId && event.what === 'power off')) return;
    this.#later(name, 'power off', invocationId, () => this.guestPowersOff(name));
  }

  /** SIGKILL to nspawn; the unit ends as asked for where a stop was. */
  killMain(name: string): void {
    this.#endRun(name, KILLED);
  }

  resetFailed(name: string): void {
    const unit = this.unit(name);
    if (unit.activeState === 'failed') unit.activeState = 'inactive';
    this.#unloadIfUnused(unit);
  }

  /**
   * The power goes and comes back: what is on disk is all there is. The interfaces of the host are found again, each with
   * its name.
   */
  bootAgain(): void {
    this.disturbances++;
    this.boots++;
    this.isStopping = false;
    this.pending.length = 0;
    this.#lingering.clear();
    for (const [name, text] of this.unitFiles) if (isOurUnit(text)) this.unitFiles.delete(name);
    for (const [name, { isMasked, isPinned }] of this.units)
      this.units.set(name, { activeState: 'inactive', result: 'success', isMasked, isPinned });
    const { namespaces, pairs, guard, marks, lent, macvlans, machines, fifos, formerUnits } = this;
    const { ended, requests, histories, memories, guestHosts, nix, probes } = this;
    const ofTheBoot = [namespaces, pairs, guard, marks, lent, macvlans, machines, fifos, formerUnits, ended];
    for (const kind of [...ofTheBoot, requests, histories, memories, guestHosts]) kind.clear();
    for (const kind of [nix.builds, nix.switched, nix.updates, probes.results]) kind.clear();
    for (const name of this.interfaces.keys()) this.interfaces.set(name, HOST_NAMESPACE);
  }

  daemonReload(): void {
    for (const [name, unit] of this.units) {
      const text = this.unitFiles.get(name);
      if (unit.loadedText !== undefined && text !== undefined) unit.loadedText = text;
    }
    this.trigger(null);
  }

  // What guests do.

  guestPowersOff(name: string): void {
    this.#endRun(name, { result: 'success', exitCode: 'exited', exitStatus: '0' });
  }

  guestReboots(name: string): void {
    this.#endRun(name, { result: 'exit-code', exitCode: 'exited', exitStatus: '133' });
  }

  guestPanics(name: string): void {
    this.#endRun(name, { result: 'exit-code', exitCode: 'exited', exitStatus: '1' });
  }

  // What people and other programs do.

  killNspawn(name: string): void {
    this.#disturb(() => this.#endRun(name, KILLED));
  }

  systemctlStart(name: string): void {
    this.#disturb(() => this.startUnit(name));
  }

  systemctlStop(name: string): void {
    this.#disturb(() => this.stopUnit(name));
  }

  deleteLink(name: string): void {
    this.#disturb(() => this.pairs.delete(hostLinkName(name)));
    this.trigger(name);
  }

  /** `ip netns del`: the namespace lives on while a guest sits in it. */
  deleteNamespace(name: string): void {
    this.#disturb(() => this.namespaces.delete(name));
    this.collectNamespaces();
    this.trigger(name);
  }

  /** All of its sandbox that is on the host, and what says whose it is. */
  takeDownSandbox(name: string): void {
    this.marks.delete(name);
    this.deleteLink(name);
    this.deleteNamespace(name);
  }

  flushAddresses(name: string): void {
    this.#disturb(() => {
      const pair = this.pairs.get(hostLinkName(name));
      if (pair !== undefined)
        this.pairs.set(hostLinkName(name), { ...pair, hostAddresses: [], hostRoutes: [] });
    });
    this.trigger(name);
  }

  /** An interface of that name comes to the host. */
  plugIn(interfaceName: string): void {
    this.#disturb(() => {
      if (!this.interfaces.has(interfaceName)) this.interfaces.set(interfaceName, HOST_NAMESPACE);
    });
    this.trigger(null);
  }

  /** It goes, unless a guest has it. */
  unplug(interfaceName: string): void {
    this.#disturb(() => {
      if (this.interfaces.get(interfaceName) === HOST_NAMESPACE) this.interfaces.delete(interfaceName);
    });
    this.trigger(null);
  }

  emptyHostsFile(): void {
    this.#disturb(() => {
      this.hostsBlock = null;
    });
  }

  /** As if it had been killed while the guest registered. */
  forgetMachine(name: string): void {
    this.#disturb(() => {
      if (this.unit(name).run !== undefined) this.machines.delete(name);
    });
    this.trigger(null);
  }

  /** It does not answer, and then does again, which is announced. */
  setMachinedAway(isAway: boolean): void {
    this.#disturb(() => {
      this.isMachinedAway = isAway;
    });
    if (!isAway) this.trigger(null);
  }

  restartMachined(): void {
    this.#disturb(() => {
      for (const [name, machine] of this.machines)
        if (!this.isAlive(machine.leader)) this.machines.delete(name);
    });
    this.trigger(null);
  }

  // Time and chance.

  /** Lets the first thing that is under way come to its end; false when nothing is. */
  progress(index = 0): boolean {
    const due = this.pending.filter(event => event.dueAt <= this.now);
    const event = due[index % Math.max(1, due.length)];
    if (event === undefined) return false;
    this.pending.splice(this.pending.indexOf(event), 1);
    if (!this.#isOver(event)) event.happen();
    return true;
  }

  /** When the next thing is under way that only time brings to its end. */
  nextDueAt(): number {
    return Math.min(...this.pending.filter(event => !this.#isOver(event)).map(event => event.dueAt));
  }

  advance(ms: number): void {
    this.now += ms;
  }

  /** Somebody sets the clock. systemd counts by another one, so nothing is younger or older for it. */
  stepClock(ms: number): void {
    this.now += ms;
    for (const unit of this.units.values())
      for (const at of ['startedAt', 'activeAt', 'changedAt'] as const)
        if (unit[at] !== undefined) unit[at] += ms;
  }

  trigger(name: string | null): void {
    if (this.losesSignals) return;
    for (const listener of [...this.listeners]) this.carry(() => listener(name));
  }

  isAlive(leader: number): boolean {
    return (
      this.#lingering.has(leader) ||
      this.strangers.has(leader) ||
      [...this.units.values()].some(unit => unit.run?.leader === leader)
    );
  }

  /** A namespace without a name and without a process is gone, and its end of a pair takes the other with it. */
  collectNamespaces(): void {
    const alive = new Set([...this.namespaces.values(), ...this.#namespacesOfRuns()]);
    for (const [link, pair] of this.pairs) {
      if (pair.namespace !== null && !alive.has(pair.namespace)) this.pairs.delete(link);
    }
    for (const [name, namespace] of this.interfaces)
      if (namespace !== HOST_NAMESPACE && !alive.has(namespace)) this.interfaces.delete(name);
    for (const namespace of this.macvlans.keys()) if (!alive.has(namespace)) this.macvlans.delete(namespace);
  }

  #namespacesOfRuns(): readonly number[] {
    return [...this.units.values()].flatMap(unit => (unit.run === undefined ? [] : [unit.run.namespace]));
  }

  #booted(name: string): void {
    const unit = this.unit(name);
    if (unit.run === undefined || unit.activeState === 'deactivating') return;
    unit.run.hasBooted = true;
    if (unit.activeState === 'activating') {
      unit.activeState = 'active';
      unit.activeAt = this.now;
      unit.changedAt = this.now;
    }
    const fifo = this.fifos.get(name);
    if (fifo !== undefined && unit.run.text.includes('/var/lib/startup-done')) {
      if (fifo.hasListener) this.#started(name, fifo);
      else fifo.hasWriter = true;
    }
    this.trigger(name);
  }

  /** A writer that waited is heard as soon as somebody listens. */
  listen(name: string): void {
    const fifo = this.fifos.get(name);
    if (fifo === undefined) return;
    fifo.hasListener = true;
    if (fifo.hasWriter) this.#started(name, fifo);
  }

  #started(name: string, fifo: ModelFifo): void {
    fifo.hasWriter = false;
    fifo.hasListener = false;
    fifo.startedInvocationId = this.units.get(name)?.invocationId ?? '';
    this.trigger(name);
  }

  #endRun(name: string, end: RunEnd): void {
    const unit = this.unit(name);
    if (unit.run === undefined) return;
    this.disturbances++;
    const { run } = unit;
    this.onEnd?.(name, end, run.isStopAsked === true);
    delete unit.run;
    this.#recordEnd(name, end, run.isStopAsked === true);
    this.#unregister(name, run.leader);
    this.collectNamespaces();
    unit.activeState = end.result === 'success' ? 'inactive' : 'failed';
    unit.result = end.result;
    unit.changedAt = this.now;
    this.#unloadIfUnused(unit);
    this.trigger(name);
  }

  #missStart(name: string): void {
    if (this.unit(name).activeState === 'activating') this.#endRun(name, TIMED_OUT);
  }

  /** machined forgets a machine when it hears of its end, and the last process of a guest may outlive its nspawn. */
  #unregister(name: string, leader: number): void {
    if (this.leaksRegistrations) return;
    const forget = () => {
      this.#lingering.delete(leader);
      if (this.machines.get(name)?.leader === leader) this.machines.delete(name);
    };
    const lingersMs = this.lingersMs();
    if (lingersMs <= 0) {
      forget();
      return;
    }
    this.#lingering.add(leader);
    this.later(
      name,
      'unregister',
      () => {
        forget();
        this.trigger(name);
      },
      lingersMs,
    );
  }

  #recordEnd(name: string, end: RunEnd, isRequested: boolean): void {
    const unit = this.unit(name);
    // Ours writes it itself.
    if (!isOurUnit(unit.loadedText ?? '')) return;
    this.ended.set(name, {
      ...end,
      invocationId: unit.invocationId ?? '',
      specHash: environmentOf(unit.loadedText ?? '', 'NSPAWND_SPEC_HASH'),
      isRequested,
      at: this.now,
    });
  }

  #unloadIfUnused(unit: ModelUnit): void {
    if (unit.activeState === 'inactive' && !unit.isPinned) delete unit.loadedText;
  }

  #isMachineTaken(name: string): boolean {
    const machine = this.machines.get(name);
    return machine !== undefined && (this.isAlive(machine.leader) || this.leaksRegistrations);
  }

  #later(name: string, what: string, invocationId: string, happen: () => void, afterMs = 0): void {
    this.#wait({ name, what, invocationId, happen, dueAt: this.now + afterMs }, afterMs);
  }

  /** Something that belongs to no run of a guest. */
  later(name: string, what: string, happen: () => void, afterMs = 0): void {
    this.#wait({ name, what, invocationId: null, happen, dueAt: this.now + afterMs }, afterMs);
  }

  #wait(event: PendingEvent, afterMs: number): void {
    this.pending.push(event);
    this.schedule?.(event.what, afterMs, () => {
      const index = this.pending.indexOf(event);
      // A boot has swept it away.
      if (index < 0) return;
      this.pending.splice(index, 1);
      if (!this.#isOver(event)) event.happen();
    });
  }

  #isOver({ name, invocationId }: PendingEvent): boolean {
    return invocationId !== null && this.units.get(name)?.invocationId !== invocationId;
  }

  #disturb(change: () => void): void {
    this.disturbances++;
    change();
  }
}

export const HOST_NAMESPACE = 0;

export interface ModelUnit {
  activeState: 'inactive' | 'activating' | 'active' | 'deactivating' | 'failed';
  result: string;
  isMasked: boolean;
  /** Somebody's After= keeps it loaded. */
  isPinned: boolean;
  loadedText?: string;
  invocationId?: string;
  startedAt?: number;
  activeAt?: number;
  changedAt?: number;
  /** The nspawn that runs. */
  run?: ModelRun;
}

export interface ModelRun {
  readonly pid: number;
  readonly leader: number;
  readonly namespace: number;
  /** The unit as it was when it was started. */
  readonly text: string;
  hasBooted: boolean;
  isStopAsked?: boolean;
}

export interface ModelPair {
  readonly alias: string;
  readonly altName: string | null;
  readonly hostAddresses: readonly string[];
  readonly hostRoutes: readonly string[];
  /** Where the other end is; null: not a pair of ours. */
  readonly namespace: number | null;
  readonly guestAddresses: readonly string[];
  readonly guestRoutes: readonly string[];
  readonly isUp: boolean;
}

export interface ModelMachine {
  readonly leader: number;
  readonly root: string;
  readonly unit: string;
}

export interface ModelFifo {
  hasListener: boolean;
  hasWriter: boolean;
  startedInvocationId: string;
}

interface PendingEvent {
  readonly name: string;
  readonly what: string;
  /** The run it belongs to; null: none. */
  readonly invocationId: string | null;
  readonly dueAt: number;
  readonly happen: () => void;
}

export type RunEnd = Pick<EndedRecord, 'result' | 'exitCode' | 'exitStatus'>;
const TIMED_OUT: RunEnd = { result: 'timeout', exitCode: 'killed', exitStatus: 'KILL' };
const NOT_STARTED: RunEnd = { result: 'exit-code', exitCode: 'exited', exitStatus: '1' };
const KILLED: RunEnd = { result: 'signal', exitCode: 'killed', exitStatus: 'KILL' };
const SIGTERMED: RunEnd = { result: 'signal', exitCode: 'killed', exitStatus: 'TERM' };

/** What nspawn was given, from the unit's text; the words that matter here are never quoted in the tests. */
export function argumentOf(text: string, prefix: string): string | null {
  const words = (/^ExecStart=(.*)$/m.exec(text)?.[1] ?? '').split(' ');
  return words.find(word => word.startsWith(prefix))?.slice(prefix.length) ?? null;
}

function secondsOf(text: string, setting: string): number {
  return Number(new RegExp(`^${setting}=(.*)$`, 'm').exec(text)?.[1] ?? 90);
}

/** A variable of the unit's; looked for again and again in the few texts that there are. */
export function environmentOf(text: string, name: string): string {
  const known = environments.get(text) ?? new Map(findEnvironment(text));
  if (environments.size > 1000) environments.clear();
  environments.set(text, known);
  return known.get(name) ?? '';
}

function findEnvironment(text: string): readonly (readonly [string, string])[] {
  return [...text.matchAll(/^Environment=([A-Z_]+)=(.*)$/gm)]
    .reverse()
    .map(([, name = '', value = '']) => [name, value] as const);
}

const environments = new Map<string, ReadonlyMap<string, string>>();
