import type { NixFacts } from './nix-facts.ts';
import type { ProbeFacts } from './probe-facts.ts';

/**
 * What the host says of one name, read afresh for every plan. Facts only: no decisions, no memory. Times are
 * milliseconds since the epoch; `null` means the host does not say.
 */
export interface Observed {
  readonly name: string;
  readonly now: number;
  /** When the look began: what happened since may have been missed. */
  readonly lookedAt: number;
  readonly host: HostFacts;
  readonly unit: UnitFacts;
  readonly unitFile: UnitFileFacts;
  /** The unit the container ran in before, where its manifest names another than ours; else null. */
  readonly former: FormerUnitFacts | null;
  /** From the environment of the running nspawn; null while none runs. */
  readonly process: ProcessFacts | null;
  readonly machine: MachineFacts | null;
  /** Why machined does not answer; null: it does. */
  readonly machinedFault: string | null;
  readonly ended: EndedRecord | null;
  /** What the journal first complains of in a run that failed and left no record of its end; empty where there is none. */
  readonly complaint: string;
  readonly request: Request | null;
  readonly history: History;
  /** A person has asked us to leave it alone; null: nobody has. */
  readonly suspension: Suspension | null;
  /** Its history, conditions' times and events of this boot are kept, or how it was switched. */
  readonly hasMemory: boolean;
  readonly root: RootFacts;
  readonly fifo: FifoFacts;
  readonly probes: ProbeFacts;
  /** Units of the running guest that have failed, by its own word; null: it has not been asked (yet), or does not answer. */
  readonly failedUnits: FailedUnits | null;
  readonly sandbox: SandboxFacts;
  /** The guest's hosts file kept outside the guest; `absent` while none was prepared. */
  readonly guestHosts: 'absent' | 'present';
  /** Copies that killed ephemeral guests of this root left behind, and nobody holds. Absolute paths. */
  readonly leftoverCopies: readonly string[];
  /** Of a guest whose system is made by Nix; null for any other. */
  readonly nix: NixFacts | null;
  /** Builds of Nix left something behind, or one still runs, though the manifest is gone or names no system. */
  readonly hasNixLeftovers: boolean;
  /** Closures that we keep from Nix' garbage collector for it, in the order of their names. */
  readonly keptSystems: readonly string[];
  /** What others say to its launch; left out while nobody has asked them, which is done only for one that is to be launched. */
  readonly gate?: GateFacts;
}

/** Why a launch may have to wait for others. */
export interface GateFacts {
  /** Those of its dependencies that are not Ready, and why. */
  readonly notReady: readonly { readonly name: string; readonly because: string }[];
  /** How many are to boot before it; 0: it has its turn, and has to take it. */
  readonly ahead: number;
}

/** What one look at the whole host says to every container. */
export interface HostFacts {
  readonly bootId: string;
  /** SystemState=stopping or a shutdown announced: nothing is started, nothing counts as a failure. */
  readonly isStopping: boolean;
  /** Paths that exist only on hosts; resolved once at start. */
  readonly nspawnPath: string;
  readonly systemdVersion: number;
  /** 128-bit id in hex, for deriving a guest's own. */
  readonly machineId: string;
  /** How many more guests the kernel's inotify limit lets boot; null where it is not in the way. */
  readonly guestCapacity: GuestCapacity | null;
}

export interface GuestCapacity {
  readonly limit: number;
  readonly running: number;
  /** fs.inotify.max_user_instances as it is. */
  readonly inotifyInstances: number;
}

/** org.freedesktop.systemd1 Unit and Service properties. */
export interface UnitFacts {
  readonly loadState: 'loaded' | 'not-found' | 'masked' | 'bad-setting' | 'error' | 'merged' | 'stub';
  readonly activeState:
    | 'inactive'
    | 'activating'
    | 'active'
    | 'reloading'
    | 'deactivating'
    | 'failed'
    | 'maintenance'
    | 'refreshing';
  readonly subState: string;
  /** How it failed; `success` of one that has not. */
  readonly result: string;
  readonly mainPid: number;
  readonly fragmentPath: string;
  readonly dropInPaths: readonly string[];
  readonly needsDaemonReload: boolean;
  /** A start or stop is in systemd's queue or under way, or a start is just being asked for: the state is about to change. */
  readonly hasJob: boolean;
  readonly invocationId: string;
  /** When this invocation left inactive; null when it never did. */
  readonly startedAt: number | null;
  /** When this invocation became active; null when it has not (yet). */
  readonly activeAt: number | null;
  readonly stateChangedAt: number | null;
  /** When a start or stop of it was last taken back before systemd began it; null where we did not hear of one. */
  readonly jobCanceledAt: number | null;
}

export interface FormerUnitFacts extends Pick<UnitFacts, 'activeState'> {
  readonly unit: string;
}

export interface UnitFileFacts {
  /** The file we would write is ours when it carries our section. */
  readonly owner: 'none' | 'ours' | 'foreign';
  readonly path: string;
  readonly text: string;
}

export interface ProcessFacts {
  readonly specHash: string;
  readonly launchHash: string;
  readonly renderer: string;
  /** The closure it booted; empty for a guest whose root tree is all there is. */
  readonly systemPath: string;
  /** A start-up FIFO was bound into it. */
  readonly hasFifo: boolean;
}

/** org.freedesktop.machine1. A hint, never the truth: machined forgets and leaks. */
export interface MachineFacts {
  /** False: machined does not know it, or does not answer; what is here says its nspawn. */
  readonly isRegistered: boolean;
  readonly leader: number;
  readonly isLeaderAlive: boolean;
  readonly state: string;
  readonly root: string;
  readonly unit: string;
  /** The guest's machine-id in hex. */
  readonly id: string;
  /** Other running machines with the same id. */
  readonly sharesIdWith: readonly string[];
}

/** Written by the unit's own ExecStopPost= to /run: how the last run ended. */
export interface EndedRecord {
  /** Identity of the run that ended. */
  readonly invocationId: string;
  readonly specHash: string;
  /** A stop was asked for (nspawnctl stop, systemctl stop). */
  readonly isRequested: boolean;
  /** systemd's $SERVICE_RESULT, $EXIT_CODE, $EXIT_STATUS; systemd.exec(5). `UNRECORDED`: nobody knows. */
  readonly result: string;
  readonly exitCode: string;
  readonly exitStatus: string;
  readonly at: number;
  /** The run's last journal lines; empty where none are known. */
  readonly lastLines: readonly string[];
}

/** A person's verb, or our own decision to restart, on disk so that a kill -9 cannot lose it. */
export interface Request {
  readonly verb: 'start' | 'stop' | 'restart';
  /** Of a stop: at once, whatever the guest would still want to do. */
  readonly isForced?: boolean | undefined;
  /** The run that a restart is meant for; empty when none ran. */
  readonly invocationId: string;
  readonly reason: string;
  readonly at: number;
}

/** Until when nspawnd keeps its hands off, and since when. Milliseconds since the epoch. */
export interface Suspension {
  readonly since: number;
  /** Null: until somebody says otherwise. */
  readonly until: number | null;
}

/** What restarts have cost so far; persisted in /run, so it survives nspawnd and not a boot. */
export interface History {
  /** Failures in a row; 0 after 600 s Ready. */
  readonly failures: number;
  /** When the next try is due; null when none is planned. */
  readonly nextRetryAt: number | null;
  /** The end that `failures` already counts, by invocation. */
  readonly countedInvocationId: string;
  /** The last launch. `isCounted`: that it led to nothing is already in `failures`. */
  readonly launch: { readonly at: number; readonly isCounted: boolean } | null;
  /** The spec in force when it was last launched, seen running or put down by request; empty when it never was. */
  readonly seenSpecHash: string;
  /** The try of an edited spec that was never Ready: of which, since when, and how many failures it did not cause. */
  readonly trial: { readonly generation: number; readonly since: number; readonly failures: number } | null;
  /** Times of the restarts after a failure, newest last; as many as judging a crash loop takes. */
  readonly recentRestarts: readonly number[];
  /** Times of the starts after a guest's own reboot, likewise. */
  readonly recentReboots: readonly number[];
  readonly restarts: number;
  /** Why the last counted failure failed; for people. */
  readonly lastFailure: string;
}

export interface RootFacts {
  readonly state: 'ready' | 'missing' | 'not-a-directory' | 'symlink' | 'unsafe';
  /** Real path where it exists. */
  readonly realPath: string;
  /** What of the skeleton is missing, below the root: `etc`, `var/lib`, `etc/os-release`. */
  readonly missing: readonly string[];
  /** Why it is `unsafe`, or where a `symlink` points. */
  readonly detail: string;
}

export interface FifoFacts {
  readonly exists: boolean;
  /** nspawnd holds it open and hears what is written. */
  readonly isListening: boolean;
  /** The run that has written to it; empty when none has. */
  readonly startedInvocationId: string;
}

/** From a hostile guest: bounded, and each a name of a unit. */
export interface FailedUnits {
  readonly names: readonly string[];
  /** How many there are besides. */
  readonly more: number;
}

/** The named network namespace and the veth pair, as the kernel has them. */
export interface SandboxFacts {
  readonly namespace: 'absent' | 'ours' | 'foreign' | 'stale';
  /** Which run had ended when the sandbox was last built from nothing, empty for none; null where it was not built. */
  readonly builtAfter: string | null;
  /** True while the running guest sits in this very namespace; null while no guest runs. */
  readonly isJoined: boolean | null;
  /** False while the running guest shares the host's network; null while no guest runs. */
  readonly isPrivate: boolean | null;
  readonly hostLink: LinkFacts | null;
  /** `unreadable`: the guest has put so much on it that it cannot be read. */
  readonly guestLink: LinkFacts | 'unreadable' | null;
  /** Source addresses the guard lets through for this link. */
  readonly guard: readonly string[];
  /** Macvlans in the namespace, whatever the guest calls them now, by the interface of the host they are on. */
  readonly macvlans: readonly string[];
  /** The interfaces of the host that the manifest speaks of. */
  readonly hostInterfaces: readonly HostInterfaceFacts[];
  /** Interfaces that were given to this container, and not (yet) given back. */
  readonly lent: readonly LentInterface[];
}

export interface HostInterfaceFacts {
  readonly name: string;
  /** `unusable`: there, but nothing a guest can have; `detail` says why. */
  readonly state: 'present' | 'missing' | 'unusable';
  readonly detail: string;
}

export interface LentInterface {
  /** Its name on the host. */
  readonly name: string;
  /** `lost`: in neither of the two; a guest can delete what is virtual. */
  readonly place: 'sandbox' | 'host' | 'lost';
}

export interface LinkFacts {
  readonly name: string;
  /** The link's alias, where ownership is written. */
  readonly alias: string;
  readonly isUp: boolean;
  /** `10.231.136.1/32`, as `ip` prints them; link-local ones left out. */
  readonly addresses: readonly string[];
  /** `10.231.136.2`, `default via 10.231.136.1`, as rendered by `host/`. */
  readonly routes: readonly string[];
  /** The settings of `/proc/sys/net/.../LINK` that we set and that are as we set them. */
  readonly areSettingsRight: boolean;
}

/** Result of an end whose record is there and says nothing: there was no space to write it. */
export const UNRECORDED = 'unrecorded';

export const NO_HISTORY: History = {
  failures: 0,
  nextRetryAt: null,
  countedInvocationId: '',
  launch: null,
  seenSpecHash: '',
  trial: null,
  recentRestarts: [],
  recentReboots: [],
  restarts: 0,
  lastFailure: '',
};
