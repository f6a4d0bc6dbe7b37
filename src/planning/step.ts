import type { HostsEntry } from './host-state.ts';
import type { BuildResult, SwitchRecord } from './nix-facts.ts';
import type { Questions } from './probe-facts.ts';

/**
 * Every change nspawnd can make, declared once: name -> arguments. The union, the executor's table and the plan's text
 * all derive from it, so the compiler proves that each step has an executor.
 *
 * Every step may be applied twice: making what exists and removing what is gone is success.
 */
export interface StepArguments {
  /** Take the request off the disk: it is fulfilled. */
  clearRequest: Record<never, never>;
  /** Put on disk that this run is to be started again, before it is stopped. */
  markRestart: { readonly invocationId: string; readonly cause: string };
  /** Put on disk that the container is to stay down. */
  recordStopped: { readonly specHash: string };
  /** Put on disk which spec a running guest has now: an edit that needed no restart is not one that came after its end. */
  noteSpec: { readonly specHash: string };
  /** Count an end (or a launch that led to none) and set when the next try is due. */
  recordFailure: {
    readonly invocationId: string;
    readonly failures: number;
    readonly nextRetryAt: number;
    readonly cause: string;
  };
  /** It was counted as one that is to be stopped, and nothing speaks for that any more. */
  takeBackFailure: { readonly invocationId: string };
  /** Put on disk that an edited spec is tried from now on. */
  beginTrial: { readonly generation: number };
  /** The container was Ready long enough: forget its failures. */
  resetHistory: Record<never, never>;
  /** The container is ours to look after again. */
  endSuspension: Record<never, never>;

  stop: Record<never, never>;
  /** The second SIGTERM, which ends a guest that has no handler yet. */
  killActivating: Record<never, never>;
  /** nspawn's own signal for a clean poweroff, once more, straight to the guest's init. */
  askAgain: Record<never, never>;
  /** SIGKILL to nspawn, whose guest dies with it. */
  killMain: Record<never, never>;
  /** Stop the unit in which an adopted guest runs. */
  stopFormer: { readonly unit: string };
  resetFailed: Record<never, never>;
  terminateMachine: { readonly leader: number };
  /** Make the running guest known to machined. */
  registerMachine: Record<never, never>;
  removeCopy: { readonly path: string };

  prepareRoot: { readonly root: string; readonly missing: readonly string[] };
  createFifo: Record<never, never>;
  listenFifo: Record<never, never>;
  /** Ask this of the running guest from now on, and nothing else; no questions: nothing. */
  probe: ProbeOrder;
  removeFifo: Record<never, never>;
  /**
   * `keepNamespace`: a guest sits in it, so a missing one is not replaced by a new one. `isEdited`: it is (also) for an edit
   * of the manifest, so that what differs is no damage.
   */
  buildSandbox: {
    readonly sandbox: SandboxSpec;
    readonly keepNamespace: boolean;
    /** The run that had ended by then; empty for none. */
    readonly after: string;
    readonly isEdited?: boolean;
  };
  /** Give the namespace of the running guest its name back. */
  attachNamespace: { readonly leader: number };
  /** Before anything goes, the host gets its interfaces back, as they were. */
  removeSandbox: Record<never, never>;
  writeGuestHosts: { readonly root: string };
  removeGuestHosts: Record<never, never>;
  writeUnit: { readonly text: string };
  removeUnit: Record<never, never>;
  /** Directories of the host that a guest of Nix has bound in. */
  prepareNix: { readonly directories: readonly string[] };
  /** Keep exactly these closures from Nix' garbage collector. */
  keepSystems: { readonly closures: readonly string[] };
  /** A generation of this closure, and the note that its input has been made into one. */
  setProfile: { readonly profile: string; readonly closure: string; readonly input: string };
  switchGeneration: { readonly profile: string; readonly generation: number };
  startBuild: NixBuild;
  stopBuild: Record<never, never>;
  /** The result of a build has been told. */
  reportBuild: { readonly result: BuildResult };
  /** Begin to bring the guest to this system; how it ended is a record, and nobody waits for it. */
  startSwitch: {
    readonly closure: string;
    readonly leader: number;
    readonly invocationId: string;
    readonly timeoutSec: number;
  };
  reportSwitch: { readonly record: SwitchRecord };
  /** A switch that failed is to be tried again. */
  forgetSwitch: Record<never, never>;
  /** The update that was asked for then has begun; one that was asked for since has not. */
  takeUpdate: { readonly at: number };
  /** The unit, log and notes of builds. Generations are data and stay. */
  removeNix: Record<never, never>;
  launch: { readonly specHash: string; readonly cause: LaunchCause };
  /** Forget the records of a container that is gone. */
  forget: Record<never, never>;

  /** Of the manifests: a guest works with this spec. */
  proveSpec: { readonly specHash: string };
  /** Of the manifests: no guest works with this spec; the last one with which one did is in force again. */
  rejectSpec: { readonly specHash: string; readonly cause: string; readonly lines: readonly string[] };

  /** Host only. */
  updateHostsFile: { readonly hosts: readonly HostsEntry[] };
  updateGuestHosts: { readonly hosts: readonly HostsEntry[] };
}

/** Only `restart` counts in RESTARTS and towards a crash loop. */
export type LaunchCause = 'first' | 'asked' | 'edited' | 'reboot' | 'restart';

export type StepName = keyof StepArguments;

export type Step = StepOf<StepName>;
/** What the host does, and what the manifests do. */
export type HostStepName = Exclude<StepName, 'proveSpec' | 'rejectSpec'>;
export type HostStep = StepOf<HostStepName>;

type StepOf<Names extends StepName> = {
  readonly [N in Names]: {
    readonly name: N;
    readonly arguments: StepArguments[N];
    /** Why, in a few words: shown wherever the plan is. */
    readonly because: string;
  };
}[Names];

/** What the sandbox of one container has to look like on both sides. */
export interface SandboxSpec {
  /** False: no pair, only macvlans or interfaces of the host. */
  readonly hasPair: boolean;
  readonly hostLink: string;
  /** Full `ve-NAME`, given as altname where `hostLink` had to be shortened. */
  readonly hostAltName: string | null;
  readonly alias: string;
  readonly hostAddresses: readonly string[];
  readonly hostRoutes: readonly string[];
  readonly guestAddresses: readonly string[];
  readonly guestRoutes: readonly string[];
  /** Source addresses that may come out of the guest; empty: the guard does not apply. */
  readonly guard: readonly string[];
  /** Addresses that were ours in the guest and no longer are. */
  readonly staleGuestAddresses: readonly string[];
  readonly macvlans: readonly MacvlanSpec[];
  /** Names of the host's interfaces that are moved in. */
  readonly interfaces: readonly string[];
}

export interface MacvlanSpec {
  /** The interface of the host it is on. */
  readonly parent: string;
  readonly link: string;
  /** Its full name where `link` had to be shortened. */
  readonly altName: string | null;
}

/** `isEdited`: the run was under way when its manifest was edited, so that what it was not asked at its start it has passed. */
export interface ProbeOrder {
  readonly invocationId: string;
  /** Its nspawn. */
  readonly mainPid: number;
  /** Milliseconds since the epoch. */
  readonly bootedAt: number;
  readonly questions: Questions;
  readonly isEdited: boolean;
}

/** One build of a system: the unit that runs it, and the files that it reads, by their name in the build's directory. */
export interface NixBuild {
  readonly input: string;
  readonly unit: string;
  readonly files: Readonly<Record<string, string>>;
}

export function step<N extends StepName>(name: N, args: StepArguments[N], because: string): StepOf<N> {
  return { name, arguments: args, because } as unknown as StepOf<N>;
}
