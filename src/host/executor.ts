import { NspawndError } from '../errors.ts';
import type { GuestCapacity } from '../planning/observed.ts';
import { hostsBlock } from '../planning/render/hosts-block.ts';
import { runState } from '../planning/run-state.ts';
import type { HostStep, HostStepName, StepArguments } from '../planning/step.ts';
import { removeCopy } from './ephemeral-copy.ts';
import type { GuestHosts } from './guest-hosts.ts';
import type { GuestSwitch } from './guest-switch.ts';
import {
  afterFailure,
  afterLaunch,
  afterNote,
  afterReset,
  afterTakenBack,
  afterTrialBegun,
} from './history.ts';
import type { HostsFile } from './hosts-file.ts';
import { keepSystems } from './kept-systems.ts';
import type { Launches } from './launches.ts';
import type { Machined } from './machined.ts';
import type { Network } from './network.ts';
import type { Nix } from './nix.ts';
import type { NixBuilds } from './nix-builds.ts';
import { removeLeftoversOfNspawn } from './nspawn-leftovers.ts';
import type { Prober } from './probes/prober.ts';
import type { Records } from './records.ts';
import { prepareRoot } from './root-tree.ts';
import type { StartFifos } from './start-fifo.ts';
import type { Systemd } from './systemd.ts';
import type { UnitFiles } from './unit-files.ts';

export interface Tools {
  readonly systemd: Systemd;
  readonly machined: Machined;
  readonly network: Network;
  readonly records: Records;
  readonly unitFiles: UnitFiles;
  readonly fifos: StartFifos;
  readonly guestHosts: GuestHosts;
  readonly hostsFile: HostsFile;
  readonly nix: Nix;
  readonly builds: NixBuilds;
  readonly switches: GuestSwitch;
  readonly prober: Prober;
  readonly launches: Launches;
  readonly guestCapacity: () => Promise<GuestCapacity | null>;
}

type Executors = {
  readonly [N in HostStepName]: (name: string, args: StepArguments[N], signal: AbortSignal) => Promise<void>;
};

/** Does what the plan says, one function per step; the type proves that none is missing. Each may run twice. */
export class Executor {
  readonly #executors: Executors;

  constructor(tools: Tools) {
    this.#executors = executors(tools);
  }

  async apply(name: string, step: HostStep, signal: AbortSignal): Promise<void> {
    const execute = this.#executors[step.name] as (
      name: string,
      args: unknown,
      signal: AbortSignal,
    ) => Promise<void>;
    await execute(name, step.arguments, signal);
  }
}

function executors(tools: Tools): Executors {
  const { systemd, machined, network, records, unitFiles, fifos, guestHosts, hostsFile } = tools;
  const { nix, builds, switches } = tools;
  const places = new Places(tools.guestCapacity);
  return {
    clearRequest: name => records.removeRequest(name),
    markRestart: (name, { invocationId, cause }) =>
      records.putRequest(name, { verb: 'restart', invocationId, reason: cause, at: Date.now() }),
    recordStopped: async (name, { specHash }) => {
      await records.putHistory(name, afterNote(afterReset(await records.history(name)), specHash));
      await records.putStopped(name, specHash);
    },
    noteSpec: async (name, { specHash }) =>
      records.putHistory(name, afterNote(await records.history(name), specHash)),
    recordFailure: async (name, failure) => {
      const [ended, unit] = await Promise.all([records.ended(name), systemd.unit(name)]);
      // Somebody was faster, and stops or has stopped what was to be stopped as a failure.
      const isStopped = ended?.isRequested && ended.invocationId === failure.invocationId;
      if (isStopped || runState(unit) === 'stopping') return;
      await records.putHistory(name, afterFailure(await records.history(name), failure));
    },
    takeBackFailure: async (name, { invocationId }) =>
      records.putHistory(name, afterTakenBack(await records.history(name), invocationId)),
    endSuspension: name => records.putSuspension(name, null),
    beginTrial: async (name, { generation }) =>
      records.putHistory(name, afterTrialBegun(await records.history(name), generation, Date.now())),
    resetHistory: async name => records.putHistory(name, afterReset(await records.history(name))),

    stop: name => systemd.stop(name),
    killActivating: name => systemd.terminateMain(name),
    askAgain: name => machined.powerOff(name),
    killMain: name => systemd.killMain(name),
    stopFormer: (_name, { unit }) => systemd.stopNamed(unit),
    resetFailed: name => systemd.resetFailed(name),
    terminateMachine: name => machined.terminateStale(name),
    registerMachine: name => machined.register(name),
    removeCopy: (_name, { path }) => removeCopy(path),

    prepareRoot: (_name, { root, missing }) => prepareRoot(root, missing),
    createFifo: name => fifos.create(name),
    listenFifo: name => fifos.listen(name),
    removeFifo: name => fifos.remove(name),
    probe: (name, order) => tools.prober.begin(name, order),
    buildSandbox: (name, order, signal) => network.build(name, order, signal),
    attachNamespace: (name, { leader }, signal) => network.attach(name, leader, signal),
    removeSandbox: (name, _args, signal) => network.remove(name, signal),
    writeGuestHosts: (name, { root }) => guestHosts.write(name, root),
    removeGuestHosts: name => guestHosts.remove(name),
    writeUnit: (name, { text }) => unitFiles.write(name, text),
    removeUnit: async name => {
      // Before: without its unit nobody would know any more that there is something left.
      await removeLeftoversOfNspawn(name);
      await unitFiles.remove(name);
    },
    prepareNix: (name, { directories }) => nix.prepare(name, directories),
    keepSystems: (name, { closures }) => keepSystems(name, closures),
    setProfile: (name, args) => nix.setProfile(name, args),
    switchGeneration: (_name, args) => nix.switchGeneration(args),
    startBuild: (name, build) => builds.start(name, build),
    stopBuild: name => builds.stop(name),
    reportBuild: (name, { result }) => builds.report(name, result),
    startSwitch: async (name, order) => switches.start(name, order),
    reportSwitch: (name, { record }) => records.putSwitch(name, { ...record, isReported: true }),
    forgetSwitch: name => records.removeSwitch(name),
    takeUpdate: async (name, { at }) => {
      const update = await records.update(name);
      if (update?.at === at) await records.putUpdate(name, { ...update, isTaken: true });
    },
    removeNix: name => builds.remove(name),
    // The attempt goes on disk before it is made: a kill in between is seen as a launch that came to nothing.
    launch: async (name, { specHash, cause }) => {
      const launch = async () => {
        await records.putHistory(name, afterLaunch(await records.history(name), Date.now(), specHash, cause));
        await records.removeEnded(name);
        await systemd.start(name, unitFiles.path(name));
      };
      await places.take(() => tools.launches.make(name, launch));
    },
    forget: name => records.forget(name),

    updateHostsFile: (_name, { hosts }) => hostsFile.write(hostsBlock(hosts)),
    updateGuestHosts: (_name, { hosts }) => guestHosts.updateAll(hostsBlock(hosts)),
  };
}

/**
 * The places for guests that the kernel's inotify limit leaves. Each launch was planned by itself; while places are
 * counted, launches are made one at a time, so that no two take the last one.
 */
class Places {
  readonly #guestCapacity: () => Promise<GuestCapacity | null>;
  #lastLaunch: Promise<unknown> = Promise.resolve();

  constructor(guestCapacity: () => Promise<GuestCapacity | null>) {
    this.#guestCapacity = guestCapacity;
  }

  async take(launch: () => Promise<void>): Promise<void> {
    if ((await this.#guestCapacity()) === null) return launch();
    const launched = this.#lastLaunch.then(async () => {
      const capacity = await this.#guestCapacity();
      if (capacity !== null && capacity.running >= capacity.limit) {
        throw new NspawndError('InotifyInstances', `the last of ${capacity.limit} places was just taken`);
      }
      await launch();
    });
    this.#lastLaunch = launched.catch(() => undefined);
    return launched;
  }
}
