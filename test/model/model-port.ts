import assert from 'node:assert/strict';
import { formerUnit } from '../../src/api/adopted.ts';
import type { Generation } from '../../src/api/generation.ts';
import type { Manifest } from '../../src/api/manifest.ts';
import type { HostPort, Verb } from '../../src/controller/ports.ts';
import { NspawndError } from '../../src/errors.ts';
import {
  afterFailure,
  afterLaunch,
  afterNote,
  afterReset,
  afterTakenBack,
  afterTrialBegun,
} from '../../src/host/history.ts';
import { Launches } from '../../src/host/launches.ts';
import type { HostDesired, HostObserved } from '../../src/planning/host-state.ts';
import { hostLinkName } from '../../src/planning/link-name.ts';
import type { UpdateRequest } from '../../src/planning/nix-facts.ts';
import {
  type LinkFacts,
  type MachineFacts,
  NO_HISTORY,
  type Observed,
  type RootFacts,
  type SandboxFacts,
  type Suspension,
  type UnitFacts,
} from '../../src/planning/observed.ts';
import { hostsBlock } from '../../src/planning/render/hosts-block.ts';
import { GUEST_FIFO } from '../../src/planning/render/nspawn-argv.ts';
import { isOurUnit, type UnitPaths } from '../../src/planning/render/unit.ts';
import { linkAlias } from '../../src/planning/sandbox.ts';
import type { HostStep, HostStepName, SandboxSpec, StepArguments } from '../../src/planning/step.ts';
import { environmentOf, HOST_NAMESPACE, type ModelHost, type ModelPair } from './model-host.ts';
import { isForAnothersSake } from './sake.ts';

/**
 * One nspawnd's hold on the model. Every step is done in small parts with a point between any two, where this nspawnd may
 * be killed: from then on nothing it asks for happens or is answered, as after a kill -9.
 *
 * What no planner in its senses would ask for is `nonsense`, unless somebody changed the host after it looked.
 */
export class ModelPort implements HostPort {
  readonly nonsense: string[] = [];
  /** Steps as they were begun, for people. */
  readonly trace: string[] = [];
  /** How many calls were made; standing still means that nobody is at work. */
  calls = 0;
  points = 0;
  /** At which point to be killed; null: never. */
  killAt: number | null = null;
  isKilled = false;
  /** A step that cannot be done. */
  failing: HostStepName | null = null;
  readonly #host: ModelHost;
  readonly #seenDisturbances = new Map<string, number>();
  readonly #pace: Pace;
  readonly #launches = new Launches();
  #listener: ((name: string | null) => void) | null = null;

  constructor(host: ModelHost, pace: Pace = {}) {
    this.#host = host;
    this.#pace = pace;
  }

  /** Ends without a word; what it had open is closed by the kernel. */
  kill(): void {
    this.isKilled = true;
    this.#pace.killed?.();
    if (this.#listener !== null) this.#host.listeners.delete(this.#listener);
    for (const fifo of this.#host.fifos.values()) fifo.hasListener = false;
  }

  /** What its own probes found. */
  hears(name: string): void {
    this.#listener?.(name);
  }

  async start(onTrigger: (name: string | null) => void): Promise<void> {
    await this.#call();
    this.#listener = onTrigger;
    this.#host.listeners.add(onTrigger);
  }

  async list(): Promise<readonly string[]> {
    await this.#call();
    const { unitFiles, marks, ended, requests, histories, units, pairs, fifos, guestHosts, lent } =
      this.#host;
    const ours = [...unitFiles].filter(([, text]) => isOurUnit(text)).map(([name]) => name);
    const running = [...units].filter(([, unit]) => isOurUnit(unit.run?.text ?? '')).map(([name]) => name);
    const prefix = linkAlias('');
    const linked = [...pairs.values()]
      .filter(pair => pair.alias.startsWith(prefix))
      .map(pair => pair.alias.slice(prefix.length));
    const { nix } = this.#host;
    const records = [ended, requests, histories, fifos, guestHosts, lent, nix.switched, nix.updates].flatMap(
      kind => [...kind.keys()],
    );
    return [...new Set([...ours, ...running, ...linked, ...marks.keys(), ...records, ...nix.names()])];
  }

  async remembered(): Promise<readonly string[]> {
    await this.#call();
    return [...new Set([...this.#host.memories.keys(), ...this.#host.probes.results.keys()])];
  }

  /** All that it has of a unit that runs. */
  async glance(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    await this.#call();
    const running = names.filter(name => this.#host.units.get(name)?.run !== undefined);
    return new Map(running.map(name => [name, JSON.stringify(this.#everythingOf(name))]));
  }

  #everythingOf(name: string): readonly unknown[] {
    const {
      unitFiles,
      namespaces,
      pairs,
      guard,
      marks,
      machines,
      fifos,
      ended,
      requests,
      histories,
      guestHosts,
    } = this.#host;
    const kinds = [unitFiles, namespaces, marks, machines, fifos, ended, requests, histories, guestHosts];
    const link = hostLinkName(name);
    return [this.#unitFacts(name), ...kinds.map(kind => kind.get(name)), pairs.get(link), guard.get(link)];
  }

  async booting(): Promise<readonly string[]> {
    await this.#call();
    return [...this.#host.units]
      .filter(([, unit]) => unit.activeState === 'activating')
      .map(([name]) => name);
  }

  async observe(name: string, manifest: Manifest | null): Promise<Observed> {
    const { disturbances } = this.#host;
    const isForItself = !isForAnothersSake();
    if (isForItself) this.#pace.looks?.(name);
    await this.#call();
    if (isForItself) {
      this.#seenDisturbances.set(name, disturbances);
      this.#pace.sees?.(name);
    } else this.#pace.seesForAnother?.(name, manifest);
    const isLaunched = this.#launches.watch(name);
    const early = this.#look(name, manifest);
    if (this.#pace.tears?.() !== true) return { ...early, unit: { ...early.unit, hasJob: isLaunched() } };
    // Not everything is looked at in one moment.
    await this.#call();
    if (isForItself) this.#pace.sees?.(name);
    const unit = { ...early.unit, hasJob: isLaunched() };
    return { ...early, ...seenLast(this.#look(name, manifest)), unit };
  }

  #look(name: string, manifest: Manifest | null): Observed {
    const host = this.#host;
    const unit = host.unit(name);
    const text = host.unitFiles.get(name);
    const fifo = host.fifos.get(name);
    const ended = host.ended.get(name);
    const running = host.countRuns();
    return {
      name,
      now: host.now,
      lookedAt: host.now,
      host: {
        bootId: `boot-${host.boots}`,
        isStopping: host.isStopping,
        nspawnPath: '/usr/bin/systemd-nspawn',
        systemdVersion: 257,
        machineId: '00112233445566778899aabbccddeeff',
        guestCapacity:
          host.guestLimit === null ? null : { limit: host.guestLimit, running, inotifyInstances: 128 },
      },
      unit: this.#unitFacts(name),
      unitFile: {
        owner: text === undefined ? 'none' : isOurUnit(text) ? 'ours' : 'foreign',
        path: unitPath(name),
        text: text ?? '',
      },
      former: this.#formerUnit(name, manifest),
      process:
        unit.run === undefined || !isOurUnit(unit.run.text)
          ? null
          : {
              specHash: environmentOf(unit.run.text, 'NSPAWND_SPEC_HASH'),
              launchHash: environmentOf(unit.run.text, 'NSPAWND_LAUNCH_HASH'),
              renderer: environmentOf(unit.run.text, 'NSPAWND_RENDERER'),
              systemPath: environmentOf(unit.run.text, 'NSPAWND_SYSTEM_PATH'),
              hasFifo: unit.run.text.includes(`:${GUEST_FIFO}`),
            },
      machine: this.#machineFacts(name),
      machinedFault: host.isMachinedAway ? 'no answer' : null,
      ended: ended === undefined ? null : { ...ended, lastLines: [] },
      complaint: '',
      request: host.requests.get(name) ?? null,
      history: host.histories.get(name) ?? NO_HISTORY,
      suspension: host.suspensions.get(name) ?? null,
      hasMemory: [
        host.histories,
        host.memories,
        host.probes.results,
        host.nix.switched,
        host.nix.updates,
      ].some(of => of.has(name)),
      root:
        manifest === null ? NO_ROOT : (host.roots.get(manifest.spec.root) ?? readyRoot(manifest.spec.root)),
      fifo: {
        exists: fifo !== undefined,
        isListening: fifo?.hasListener ?? false,
        startedInvocationId: fifo?.startedInvocationId ?? '',
      },
      probes: host.probes.observe(name),
      failedUnits: null,
      sandbox: this.#sandboxFacts(name, manifest),
      guestHosts: host.guestHosts.has(name) ? 'present' : 'absent',
      leftoverCopies: [],
      nix: host.nix.observe(name, manifest, this.#switching.get(unit.invocationId ?? '') ?? null),
      hasNixLeftovers: host.nix.hasLeftovers(name),
      keptSystems: host.nix.kept.get(name) ?? [],
    };
  }

  /** By machined's word; of a guest that is up without its knowledge, by its nspawn's. */
  #machineFacts(name: string): MachineFacts | null {
    const { isMachinedAway, machines } = this.#host;
    const known = isMachinedAway ? undefined : machines.get(name);
    const { run, activeState } = this.#host.unit(name);
    const ours = `container@${name}.service`;
    const isUnknown = run !== undefined && activeState === 'active' && known?.unit !== ours;
    const machine = isUnknown ? { leader: run.leader, root: '', unit: ours } : known;
    if (machine === undefined) return null;
    return {
      ...machine,
      isRegistered: !isUnknown,
      isLeaderAlive: this.#host.isAlive(machine.leader),
      state: 'running',
      id: machine.leader.toString(16).padStart(32, '0'),
      sharesIdWith: [],
    };
  }

  unitPaths(name: string): UnitPaths {
    return {
      fifo: `/run/nspawnd/startup/${name}`,
      guestHosts: `/run/nspawnd/guest-hosts/${name}`,
      endedDirectory: '/run/nspawnd/ended',
      runtimeDirectory: '/run/nspawnd',
      nixDirectory: `/var/lib/nspawnd/nix/${name}`,
    };
  }

  async addressesInUse(): Promise<readonly string[]> {
    return [];
  }

  async apply(name: string, step: HostStep): Promise<void> {
    await this.#call();
    this.trace.push(`${name}: ${step.name}`);
    this.#pace.begins?.(name, step);
    const execute = this.#executors[step.name] as (name: string, args: unknown) => Promise<void> | void;
    await this.#point();
    if (step.name === this.failing) throw new NspawndError('CommandFailed', `${step.name} fails`);
    await execute(name, step.arguments);
    await this.#point();
    this.#pace.done?.(name, step);
  }

  async observeHost(_desired: HostDesired): Promise<HostObserved> {
    await this.#call();
    const { isStopping, hostsBlock: block, guestHosts } = this.#host;
    return { isStopping, hostsBlock: block, guestBlocks: Object.fromEntries(guestHosts) };
  }

  async applyHost(step: HostStep): Promise<void> {
    await this.apply('@host', step);
  }

  async putRequest(name: string, verb: Verb, reason: string): Promise<void> {
    await this.#call();
    const { run, invocationId } = this.#host.unit(name);
    this.#host.requests.set(name, {
      verb: verb === 'terminate' ? 'stop' : verb,
      ...(verb === 'terminate' ? { isForced: true } : {}),
      invocationId: run === undefined ? '' : (invocationId ?? ''),
      reason,
      at: this.#host.now,
    });
  }

  async putSuspension(name: string, suspension: Suspension | null): Promise<void> {
    await this.#call();
    if (suspension === null) this.#host.suspensions.delete(name);
    else this.#host.suspensions.set(name, suspension);
  }

  async putUpdate(name: string, update: UpdateRequest): Promise<void> {
    await this.#call();
    this.#host.nix.updates.set(name, update);
  }

  async generations(name: string): Promise<readonly Generation[]> {
    await this.#call();
    return this.#host.nix.generations(name);
  }

  async lookAgain(): Promise<void> {
    await this.#call();
  }

  async saveMemory(name: string, memory: string): Promise<void> {
    await this.#call();
    this.#host.memories.set(name, memory);
  }

  async loadMemory(name: string): Promise<string | null> {
    await this.#call();
    return this.#host.memories.get(name) ?? null;
  }

  readonly #executors: {
    readonly [N in HostStepName]: (name: string, args: StepArguments[N]) => Promise<void> | void;
  } = {
    clearRequest: name => void this.#host.requests.delete(name),
    markRestart: (name, { invocationId, cause }) =>
      void this.#host.requests.set(name, {
        verb: 'restart',
        invocationId,
        reason: cause,
        at: this.#host.now,
      }),
    noteSpec: (name, { specHash }) => this.#changeHistory(name, history => afterNote(history, specHash)),
    recordStopped: async (name, { specHash }) => {
      this.#changeHistory(name, history => afterNote(afterReset(history), specHash));
      await this.#point();
      this.#host.ended.set(name, {
        invocationId: `stopped-${this.#host.nextId()}`,
        specHash,
        isRequested: true,
        result: 'success',
        exitCode: '',
        exitStatus: '',
        at: this.#host.now,
      });
    },
    recordFailure: (name, failure) => {
      const ended = this.#host.ended.get(name);
      const isStopped = ended?.isRequested && ended.invocationId === failure.invocationId;
      if (isStopped || this.#host.unit(name).activeState === 'deactivating') return;
      this.#changeHistory(name, history => afterFailure(history, failure));
    },
    takeBackFailure: (name, { invocationId }) =>
      this.#changeHistory(name, history => afterTakenBack(history, invocationId)),
    endSuspension: async name => {
      this.#host.suspensions.delete(name);
    },
    beginTrial: (name, { generation }) =>
      this.#changeHistory(name, history => afterTrialBegun(history, generation, this.#host.now)),
    resetHistory: name => this.#changeHistory(name, afterReset),

    stop: name => this.#host.stopUnit(name),
    killActivating: name => {
      this.#refuse(name, this.#host.unit(name).activeState !== 'deactivating', 'kill what is not stopping');
      this.#host.signalMain(name);
    },
    askAgain: name => {
      this.#refuse(name, this.#host.unit(name).activeState !== 'deactivating', 'ask what is not stopping');
      this.#host.askToPowerOff(name);
    },
    killMain: name => {
      const { run, activeState } = this.#host.unit(name);
      this.#refuse(name, run !== undefined && activeState !== 'deactivating', 'kill what is not stopping');
      this.#host.killMain(name);
    },
    stopFormer: (name, { unit }) => {
      this.#refuse(name, !this.#host.formerUnits.has(unit), 'stop what does not run');
      this.#host.formerUnits.delete(unit);
      this.#host.trigger(name);
    },
    resetFailed: name => this.#host.resetFailed(name),
    terminateMachine: name => {
      const machine = this.#host.machines.get(name);
      const isAlive = machine !== undefined && this.#host.isAlive(machine.leader);
      this.#refuse(name, isAlive, 'terminate a machine that lives');
      if (!isAlive) this.#host.machines.delete(name);
    },
    registerMachine: name => {
      this.#refuse(name, this.#host.machines.has(name), 'register what is registered');
      this.#host.register(name);
    },
    removeCopy: () => undefined,

    prepareRoot: (_name, { root }) => {
      const facts = this.#host.roots.get(root) ?? readyRoot(root);
      if (facts.state !== 'ready') throw new NspawndError('RootUnsafe', `${root} is ${facts.state}`);
      this.#host.roots.set(root, { ...facts, missing: [] });
    },
    createFifo: async name => {
      this.#refuse(name, this.#host.unit(name).run !== undefined, 'replace the FIFO of a running guest');
      this.#host.fifos.delete(name);
      await this.#point();
      this.#host.fifos.set(name, { hasListener: false, hasWriter: false, startedInvocationId: '' });
      await this.#point();
      this.#host.listen(name);
    },
    listenFifo: name => this.#host.listen(name),
    probe: (name, order) => {
      const { run, invocationId, activeState } = this.#host.unit(name);
      this.#refuse(name, run === undefined || invocationId !== order.invocationId, 'probe what does not run');
      // One that has yet to write to its FIFO is asked where the manifest speaks of none any more.
      this.#refuse(name, activeState !== 'active', 'probe a guest that boots');
      this.#host.probes.ask(name, order, this);
    },
    removeFifo: name => void this.#host.fifos.delete(name),
    buildSandbox: (name, { sandbox, keepNamespace, after }) =>
      this.#buildSandbox(name, sandbox, keepNamespace, after),
    attachNamespace: (name, { leader }) => {
      const run = this.#host.unit(name).run;
      this.#refuse(name, run === undefined || run.leader !== leader, 'attach the namespace of a stranger');
      if (run === undefined || (this.#host.namespaces.get(name) ?? null) !== null) return;
      if (!this.#host.marks.has(name)) this.#host.marks.set(name, '');
      this.#host.namespaces.set(name, run.namespace);
    },
    removeSandbox: name => this.#removeSandbox(name),
    writeGuestHosts: name => void this.#host.guestHosts.set(name, this.#host.hostsBlock ?? ''),
    removeGuestHosts: name => void this.#host.guestHosts.delete(name),
    writeUnit: (name, { text }) => {
      this.#refuse(name, this.#host.unit(name).run !== undefined, 'rewrite the unit of a running guest');
      const before = this.#host.unitFiles.get(name);
      this.#refuse(name, before !== undefined && !isOurUnit(before), 'overwrite a foreign unit');
      if (before === undefined || isOurUnit(before)) this.#host.unitFiles.set(name, text);
    },
    removeUnit: name => {
      this.#refuse(name, this.#host.unit(name).run !== undefined, 'remove the unit of a running guest');
      if (isOurUnit(this.#host.unitFiles.get(name) ?? '')) this.#host.unitFiles.delete(name);
    },
    prepareNix: (_name, { directories }) => {
      for (const directory of directories) this.#host.nix.directories.add(directory);
    },
    keepSystems: (name, { closures }) => {
      const { run } = this.#host.unit(name);
      const booted = run === undefined ? '' : environmentOf(run.text, 'NSPAWND_SYSTEM_PATH');
      this.#refuse(name, booted !== '' && !closures.includes(booted), 'give up what a guest booted');
      if (closures.length === 0) this.#host.nix.kept.delete(name);
      else this.#host.nix.kept.set(name, closures);
    },
    setProfile: async (name, { closure, input }) => {
      this.#host.nix.setProfile(name, closure);
      await this.#point();
      this.#host.nix.realised.set(name, input);
    },
    switchGeneration: (name, { generation }) => {
      const { profiles } = this.#host.nix;
      const { generations } = profiles.get(name) ?? { generations: [] };
      if (generation > generations.length) throw new NspawndError('CommandFailed', 'no such generation');
      profiles.set(name, { generations, current: generation });
    },
    startBuild: (name, build) => {
      this.#refuse(name, !this.#host.nix.isInstalled, 'build without Nix');
      this.#host.nix.startBuild(name, build);
    },
    stopBuild: name => this.#host.nix.stopBuild(name),
    reportBuild: (name, { result }) => void this.#host.nix.results.set(name, { ...result, isReported: true }),
    startSwitch: (name, { closure, leader, invocationId }) => {
      const { run } = this.#host.unit(name);
      this.#refuse(name, run === undefined || run.leader !== leader, 'switch a stranger');
      this.#refuse(name, run?.hasBooted !== true, 'switch a guest that boots');
      if (this.#switching.has(invocationId)) return;
      this.#switching.set(invocationId, closure);
      this.#host.later(name, 'switch', () => this.#endSwitch(name, closure, invocationId));
    },
    reportSwitch: (name, { record }) =>
      void this.#host.nix.switched.set(name, { ...record, isReported: true }),
    forgetSwitch: name => void this.#host.nix.switched.delete(name),
    takeUpdate: (name, { at }) => {
      const update = this.#host.nix.updates.get(name);
      if (update?.at === at) this.#host.nix.updates.set(name, { ...update, isTaken: true });
    },
    removeNix: name => this.#host.nix.remove(name),
    launch: (name, args) => {
      // One at a time, as on the real host while places are counted.
      this.#lastLaunch = this.#lastLaunch.catch(() => undefined).then(() => this.#launch(name, args));
      return this.#lastLaunch;
    },
    forget: async name => {
      const { ended, requests, histories, memories, suspensions, nix, probes } = this.#host;
      const kinds = [ended, requests, histories, memories, suspensions, nix.switched, nix.updates];
      for (const kind of [...kinds, probes.results]) {
        kind.delete(name);
        await this.#point();
      }
    },

    updateHostsFile: (_name, { hosts }) => {
      this.#host.hostsBlock = hosts.length === 0 ? null : hostsBlock(hosts);
    },
    updateGuestHosts: (_name, { hosts }) => {
      for (const name of this.#host.guestHosts.keys()) this.#host.guestHosts.set(name, hostsBlock(hosts));
    },
  };

  #lastLaunch: Promise<void> = Promise.resolve();
  /** Closures by run: only the nspawnd that began a switch knows of it. */
  readonly #switching = new Map<string, string>();

  #endSwitch(name: string, closure: string, invocationId: string): void {
    if (this.isKilled) return;
    this.#switching.delete(invocationId);
    this.#host.disturbances++;
    const isGood = !this.#host.nix.stubborn.has(name);
    const how = `exited with status ${isGood ? 0 : 1}`;
    this.#host.nix.switched.set(name, {
      ...{ invocationId, closure, isGood, how, output: '', at: this.#host.now },
      isReported: false,
    });
    this.#host.trigger(name);
  }

  #launch(name: string, args: StepArguments['launch']): Promise<void> {
    return this.#launches.make(name, () => this.#launchNow(name, args));
  }

  async #launchNow(name: string, { specHash, cause }: StepArguments['launch']): Promise<void> {
    const host = this.#host;
    this.#refuse(name, host.unit(name).run !== undefined, 'launch what runs');
    this.#refuse(name, !host.unitFiles.has(name), 'launch without a unit');
    this.#refuse(name, host.machines.has(name), 'launch while its last run is registered');
    if (host.guestLimit !== null && host.countRuns() >= host.guestLimit)
      throw new NspawndError('InotifyInstances', 'the last place was just taken');
    this.#changeHistory(name, history => afterLaunch(history, host.now, specHash, cause));
    await this.#point();
    host.ended.delete(name);
    await this.#point();
    if (this.#unitFacts(name).needsDaemonReload) host.daemonReload();
    if (host.unit(name).isMasked || !isOurUnit(host.unitFiles.get(name) ?? ''))
      throw new NspawndError('UnitShadowed', `container@${name}.service is not ours`);
    host.startUnit(name);
  }

  async #buildSandbox(name: string, spec: SandboxSpec, keepNamespace: boolean, after: string): Promise<void> {
    const host = this.#host;
    this.#refuse(name, !keepNamespace && host.unit(name).run !== undefined, 'build under a running guest');
    this.#setGuard(spec.hostLink, [
      ...spec.guard,
      ...spec.staleGuestAddresses.map(address => address.split('/')[0] ?? ''),
    ]);
    await this.#point();
    if (host.namespaces.get(name) === null) host.namespaces.delete(name);
    const facts = this.#sandboxFacts(name);
    this.#refuse(name, facts.namespace === 'foreign', 'build on a foreign namespace');
    if (facts.namespace === 'foreign') throw new NspawndError('ForeignNamespace', name);
    const pair = host.pairs.get(spec.hostLink);
    if (pair !== undefined && pair.alias !== spec.alias) throw new NspawndError('ForeignLink', spec.hostLink);
    const isFresh = !host.namespaces.has(name);
    if (isFresh && keepNamespace) return;
    if (isFresh || !host.marks.has(name)) host.marks.set(name, after);
    await this.#point();
    if (isFresh) host.namespaces.set(name, host.nextId());
    await this.#point();
    const namespace = host.namespaces.get(name) ?? null;
    if (!spec.hasPair) {
      this.#refuse(name, pair !== undefined, 'build without a pair beside one');
      await this.#addDevices(name, spec);
      return;
    }
    const kept = pair?.namespace === namespace ? pair : null;
    const built: ModelPair = {
      alias: spec.alias,
      altName: spec.hostAltName,
      hostAddresses: spec.hostAddresses,
      hostRoutes: spec.hostRoutes,
      namespace,
      guestAddresses: kept?.guestAddresses ?? [],
      guestRoutes: kept?.guestRoutes ?? [],
      isUp: true,
    };
    host.pairs.set(spec.hostLink, built);
    await this.#point();
    const foreign = built.guestAddresses.filter(
      address => !spec.staleGuestAddresses.includes(address) && !spec.guestAddresses.includes(address),
    );
    host.pairs.set(spec.hostLink, {
      ...built,
      guestAddresses: [...spec.guestAddresses, ...foreign],
      guestRoutes: spec.guestRoutes,
    });
    await this.#point();
    await this.#addDevices(name, spec);
    this.#setGuard(spec.hostLink, spec.guard);
  }

  async #addDevices(name: string, spec: SandboxSpec): Promise<void> {
    const host = this.#host;
    const namespace = host.namespaces.get(name) ?? null;
    if (namespace === null) return;
    for (const { parent } of spec.macvlans) {
      const there = host.macvlans.get(namespace) ?? [];
      if (there.includes(parent) || host.interfaces.get(parent) !== HOST_NAMESPACE) continue;
      host.macvlans.set(namespace, [...there, parent]);
      await this.#point();
    }
    for (const given of spec.interfaces) {
      if (host.interfaces.get(given) !== HOST_NAMESPACE) continue;
      const before = host.lent.get(name) ?? [];
      host.lent.set(name, [...new Set([...before, given])]);
      await this.#point();
      host.interfaces.set(given, namespace);
      await this.#point();
    }
  }

  async #takeBack(name: string): Promise<void> {
    const host = this.#host;
    for (const given of host.lent.get(name) ?? []) {
      if (host.interfaces.has(given)) host.interfaces.set(given, HOST_NAMESPACE);
      await this.#point();
      const left = (host.lent.get(name) ?? []).filter(other => other !== given);
      if (left.length === 0) host.lent.delete(name);
      else host.lent.set(name, left);
      await this.#point();
    }
  }

  #setGuard(link: string, addresses: readonly string[]): void {
    if (addresses.length === 0) this.#host.guard.delete(link);
    else this.#host.guard.set(link, addresses);
  }

  async #removeSandbox(name: string): Promise<void> {
    const host = this.#host;
    // A stranger with that name has a network of its own, or the host's.
    const { run } = host.unit(name);
    const isIn = run !== undefined && (isOurUnit(run.text) || run.namespace === host.namespaces.get(name));
    this.#refuse(name, isIn, 'remove the sandbox of a running guest');
    await this.#takeBack(name);
    const facts = this.#sandboxFacts(name);
    const link = hostLinkName(name);
    if (facts.hostLink?.alias === linkAlias(name)) host.pairs.delete(link);
    await this.#point();
    if (facts.namespace === 'ours' || facts.namespace === 'stale') host.namespaces.delete(name);
    host.collectNamespaces();
    await this.#point();
    host.guard.delete(link);
    await this.#point();
    host.marks.delete(name);
  }

  #sandboxFacts(name: string, manifest: Manifest | null = null): SandboxFacts {
    const host = this.#host;
    const inside = host.namespaces.get(name) ?? null;
    const wanted = [...(manifest?.spec.macvlans ?? []), ...(manifest?.spec.interfaces ?? [])];
    const pair = host.pairs.get(hostLinkName(name));
    const namespace = host.namespaces.get(name);
    const builtAfter = host.marks.get(name) ?? null;
    const isOurs = builtAfter !== null || pair?.alias === linkAlias(name);
    const hasGuestEnd = pair !== undefined && namespace !== undefined && pair.namespace === namespace;
    const run = host.unit(name).run;
    const state =
      namespace === undefined ? 'absent' : namespace === null ? 'stale' : isOurs ? 'ours' : 'foreign';
    // Without a leader nobody knows where it sits.
    const leader = this.#machineFacts(name)?.leader;
    const joined = run !== undefined && leader === run.leader ? run.namespace : null;
    return {
      namespace: state,
      builtAfter,
      isJoined: joined === null || state !== 'ours' ? null : joined === namespace,
      isPrivate: joined === null ? null : joined !== 0,
      hostLink:
        pair === undefined ? null : link(hostLinkName(name), pair, pair.hostAddresses, pair.hostRoutes),
      guestLink: hasGuestEnd ? link('eth0', pair, pair.guestAddresses, pair.guestRoutes) : null,
      guard: host.guard.get(hostLinkName(name)) ?? [],
      macvlans: inside === null ? [] : (host.macvlans.get(inside) ?? []),
      hostInterfaces: wanted.map(wantedName => ({
        name: wantedName,
        state: host.interfaces.get(wantedName) === HOST_NAMESPACE ? 'present' : 'missing',
        detail: '',
      })),
      lent: (host.lent.get(name) ?? []).map(lentName => ({
        name: lentName,
        place: !host.interfaces.has(lentName)
          ? 'lost'
          : host.interfaces.get(lentName) === inside
            ? 'sandbox'
            : 'host',
      })),
    };
  }

  #formerUnit(name: string, manifest: Manifest | null): Observed['former'] {
    const unit = manifest === null ? null : formerUnit(name, manifest.annotations);
    if (unit === null || unit === `container@${name}.service`) return null;
    return { unit, activeState: this.#host.formerUnits.has(unit) ? 'active' : 'inactive' };
  }

  #unitFacts(name: string): UnitFacts {
    const unit = this.#host.unit(name);
    const file = this.#host.unitFiles.get(name);
    const isKnown = unit.loadedText !== undefined || file !== undefined;
    return {
      loadState: unit.isMasked ? 'masked' : isKnown ? 'loaded' : 'not-found',
      activeState: unit.activeState,
      subState: unit.activeState === 'active' ? 'running' : 'dead',
      result: unit.result,
      mainPid: unit.run?.pid ?? 0,
      fragmentPath: isKnown ? unitPath(name) : '',
      dropInPaths: [],
      needsDaemonReload: unit.loadedText !== undefined && file !== undefined && unit.loadedText !== file,
      hasJob: false,
      invocationId: unit.invocationId ?? '',
      startedAt: unit.startedAt ?? null,
      activeAt: unit.activeAt ?? null,
      stateChangedAt: unit.changedAt ?? null,
      jobCanceledAt: null,
    };
  }

  #changeHistory(name: string, change: (history: typeof NO_HISTORY) => typeof NO_HISTORY): void {
    this.#host.histories.set(name, change(this.#host.histories.get(name) ?? NO_HISTORY));
  }

  #refuse(name: string, isNonsense: boolean, what: string): void {
    if (isNonsense && this.#seenDisturbances.get(name) === this.#host.disturbances) {
      this.nonsense.push(`${name}: ${what}`);
      assert.fail(`nonsense: ${name}: ${what}\n${this.trace.join('\n')}`);
    }
  }

  async #call(): Promise<void> {
    this.calls++;
    if (this.isKilled) await FOREVER;
    await this.#take(this.#pace.call);
  }

  /** Whoever was killed meanwhile hears of nothing. */
  async #take(time: Pace['call']): Promise<void> {
    try {
      await time?.();
    } catch (error) {
      if (!this.isKilled) throw error;
    }
    if (this.isKilled) await FOREVER;
  }

  async #point(): Promise<void> {
    if (this.isKilled) await FOREVER;
    if (this.points++ === this.killAt) {
      this.kill();
      await FOREVER;
    }
    await this.#take(this.#pace.point);
  }
}

/** How long things take and what goes wrong on the way; without it all is done at once, and well. */
export interface Pace {
  /** Before anything is asked or done: what it waits for, and perhaps the error it ends with. */
  readonly call?: () => Promise<void> | undefined;
  /** The same between any two changes that a step makes. */
  readonly point?: () => Promise<void> | undefined;
  /** Whether a look sees some things later than others. */
  readonly tears?: () => boolean;
  /** A look at it begins. */
  readonly looks?: (name: string) => void;
  /** During such a look, it is seen as it is now. */
  readonly sees?: (name: string) => void;
  /** It is seen as it is now, for the sake of one that depends on it. */
  readonly seesForAnother?: (name: string, manifest: Manifest | null) => void;
  readonly begins?: (name: string, step: HostStep) => void;
  readonly done?: (name: string, step: HostStep) => void;
  readonly killed?: () => void;
}

/** What the real host looks at after the rest. */
function seenLast(late: Observed): Partial<Observed> {
  const { now, process, sandbox, former, hasMemory, nix, hasNixLeftovers, keptSystems } = late;
  return { now, process, sandbox, former, hasMemory, nix, hasNixLeftovers, keptSystems };
}

const FOREVER = new Promise<never>(() => undefined);
const NO_ROOT: RootFacts = { state: 'missing', realPath: '', missing: [], detail: '' };

function readyRoot(root: string): RootFacts {
  return { state: 'ready', realPath: root, missing: [], detail: '' };
}

function unitPath(name: string): string {
  return `/run/systemd/system/container@${name}.service`;
}

function link(
  name: string,
  pair: ModelPair,
  addresses: readonly string[],
  routes: readonly string[],
): LinkFacts {
  return { name, alias: pair.alias, isUp: pair.isUp, addresses, routes, areSettingsRight: true };
}
