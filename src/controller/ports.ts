import type { Container, ContainerDetail } from '../api/container.ts';
import type { EventObject } from '../api/event.ts';
import type { Generation } from '../api/generation.ts';
import type { Manifest } from '../api/manifest.ts';
import type { ManifestContent } from '../api/manifest-content.ts';
import type { Problem } from '../api/problem.ts';
import type { Revision } from '../api/revision.ts';
import type { Desired } from '../planning/desired.ts';
import type { HostDesired, HostObserved } from '../planning/host-state.ts';
import type { UpdateRequest } from '../planning/nix-facts.ts';
import type { Observed, Suspension } from '../planning/observed.ts';
import type { UnitPaths } from '../planning/render/unit.ts';
import type { HostStep } from '../planning/step.ts';

/**
 * Where the rooms meet. `manifests`, `controller`, `host` and `server` never import each other; `main` hands each the
 * ports it needs. Types only.
 */

/** In: the manifests directory, as desired state. Implemented by `manifests/source.ts`. */
export interface ManifestPort {
  /**
   * Starts watching. `onTrigger` says that something may have changed, never what: the controller asks `desired` again.
   * The first full scan is complete when the promise resolves.
   */
  start(onTrigger: (names: readonly string[]) => void, signal: AbortSignal): Promise<void>;
  /** Reads the directory again now, whole; resolves with the names whose Desired changed. */
  rescan(): Promise<readonly string[]>;
  /** What the last scan says of a name. A name it has never heard of is `absent` only from a healthy directory. */
  desired(name: string): Desired;
  /** Every name that is present, unknown or not yet known to be cleaned up. */
  names(): readonly string[];
  /** Names found on the host by our marks: they count as known for the prune guards. */
  adopt(namesOnHost: readonly string[]): Promise<void>;
  /** The host has nothing left of this name: forget that it was deleted. */
  forget(name: string): Promise<void>;
  status(): SourceStatus;
  /** Confirms the held deletions with exactly this hash; false when it names no held list. */
  confirmPrune(hash: string): Promise<boolean>;
  /** Writes a manifest for a person and waits until it is in force; `inUse` as `HostPort.addressesInUse` says. */
  createManifest(draft: Draft, inUse: readonly string[]): Promise<Creation>;
  /** Changes a container's manifest where it stands, or makes one, and waits until it is in force. */
  writeManifest(name: string, change: ManifestChange, isDryRun: boolean): Promise<Writing>;
  removeManifest(name: string, options: RemovalOptions): Promise<Removal>;
  /** Why a directory must not be deleted as a root; null where nothing but the container `except` needs it. */
  rootObjection(path: string, except: string): Promise<string | null>;
  /** A guest was Ready with this spec. Of a spec that is not in force this and the next say nothing. */
  proveSpec(name: string, specHash: string): Promise<void>;
  /** No guest works with this spec: the last one with which one did is in force afterwards, if there is one that can be. */
  rejectSpec(name: string, specHash: string, because: string): Promise<void>;
  /** Takes a rejected spec in again that the manifest still says. */
  retrySpec(name: string): Promise<Retrial>;
  /** The specs that it has had, oldest first; null where none was ever accepted. */
  revisions(name: string): readonly Revision[] | null;
  /** Judges texts as if they were the whole content of these files, without taking them in. */
  judge(files: readonly FileText[]): readonly JudgedDocument[];
}

export interface FileText {
  readonly file: string;
  readonly text: string;
}

/** A container that a person wants made. */
export interface Draft extends ManifestContent {
  readonly name: string;
  /** NAME-0, NAME-1, ...: the first that is free. */
  readonly ensureUniqueName: boolean;
  /** Gives it a private network with a free pair of addresses. */
  readonly allocateAddresses: boolean;
  readonly isDryRun: boolean;
}

export type Creation =
  | {
      readonly is: 'created';
      readonly name: string;
      readonly file: string;
      readonly content: ManifestContent;
    }
  | { readonly is: 'invalid'; readonly problems: readonly Problem[] }
  /** The name is not free. */
  | { readonly is: 'taken'; readonly message: string }
  | { readonly is: 'refused'; readonly message: string };

/**
 * What a manifest is to say, from what it says now (null: there is none). Pure, and asked at the moment of writing, so that
 * what another client wrote meanwhile is not lost.
 */
export type ManifestChange = (before: ManifestContent | null) => ManifestContent | ChangeObjection;

export interface ChangeObjection {
  /** `unknown`: there is no such container. `conflict`: what the client saw is not so any more. */
  readonly is: 'unknown' | 'conflict' | 'invalid';
  readonly message: string;
}

export type Writing =
  | {
      readonly is: 'written';
      readonly file: string;
      readonly content: ManifestContent;
      readonly isNew: boolean;
    }
  | Exclude<Creation, { readonly is: 'created' }>
  | { readonly is: 'objected'; readonly objection: ChangeObjection };

export interface RemovalOptions {
  /** Only says what it would do. */
  readonly isDryRun: boolean;
  /** Only what was created by a request, in the folder for it. */
  readonly isOwnOnly: boolean;
}

export type Removal =
  | { readonly is: 'removed'; readonly file: string; readonly root: string | null }
  | { readonly is: 'refused'; readonly message: string }
  | { readonly is: 'unknown' };

export type Retrial =
  | { readonly is: 'tried'; readonly specHash: string }
  | { readonly is: 'refused'; readonly message: string };

export interface JudgedDocument {
  /** Null where the text yields no name. */
  readonly name: string | null;
  readonly manifest: Manifest | null;
  readonly problems: readonly Problem[];
}

export interface SourceStatus {
  readonly directory: string;
  readonly isHealthy: boolean;
  /** Why not, or why deletions wait; empty when all is well. */
  readonly message: string;
  /** Everything wrong in any file. */
  readonly problems: readonly Problem[];
  /** Deletions that wait for `nspawnctl prune --confirm`. */
  readonly held: { readonly hash: string; readonly names: readonly string[] } | null;
  readonly files: number;
  readonly lastScan: string;
}

/** What concerns no single container. */
export interface OverallStatus extends SourceStatus {
  /** Why the names of containers are not in force everywhere (a hosts file that cannot be written); empty when they are. */
  readonly namesFault: string;
}

/**
 * Something of this container may have changed; null: anything may have, list again. What is not urgent may wait `withinMs`
 * for what else is heard of it.
 */
export type HostTrigger = (name: string | null, withinMs?: number) => void;

/** Out: the one thing that changes the machine. Implemented by `host/linux-host.ts` and by the model in the tests. */
export interface HostPort {
  /** Connects and listens. */
  start(onTrigger: HostTrigger, signal: AbortSignal): Promise<void>;
  /** Names of everything on the host that carries our mark. */
  list(): Promise<readonly string[]>;
  /** Names of which people were told something. That proves no container, but somebody has to clear it away. */
  remembered(): Promise<readonly string[]>;
  observe(name: string, manifest: Manifest | null): Promise<Observed>;
  /**
   * What can be seen of containers with little effort: a text for each, another one whenever something of it has changed that
   * nobody announces. Those that are left out have to be observed.
   */
  glance(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** IPv4 addresses and networks, as `ip` prints them, that the host has or has a route to; without the default route. */
  addressesInUse(): Promise<readonly string[]>;
  /** Names of the `container@` units that are starting, or about to. */
  booting(): Promise<readonly string[]>;
  /** Where this host keeps what a unit refers to. */
  unitPaths(name: string): UnitPaths;
  apply(name: string, step: HostStep, signal: AbortSignal): Promise<void>;
  observeHost(desired: HostDesired): Promise<HostObserved>;
  applyHost(step: HostStep, signal: AbortSignal): Promise<void>;
  /** Leaves a person's verb on disk, where the planner finds it. */
  putRequest(name: string, verb: Verb, reason: string): Promise<void>;
  /** Keeps our hands off, also through a boot; null ends it. */
  putSuspension(name: string, suspension: Suspension | null): Promise<void>;
  /** The same for an update or a rollback of a system made by Nix. */
  putUpdate(name: string, update: UpdateRequest): Promise<void>;
  /** What Nix has made for a container, oldest first. */
  generations(name: string): Promise<readonly Generation[]>;
  /** What is otherwise looked at rarely is looked at now. */
  lookAgain(name: string): Promise<void>;
  /** State that must survive nspawnd but not a boot: conditions' times and events. Opaque to the host. */
  saveMemory(name: string, memory: string): Promise<void>;
  loadMemory(name: string): Promise<string | null>;
}

/** Face: what the control sockets need of the controller. Implemented by `controller/controller.ts`. */
export interface ControlPort {
  list(): readonly Container[];
  get(name: string): Container | null;
  describe(name: string): ContainerDetail | null;
  /** Every change from now on, in order, until `unwatch` is called. The listener must not block. */
  watch(listener: (change: ObjectChange<Container>) => void): () => void;
  /** The history of all containers, oldest first. */
  events(): readonly EventObject[];
  watchEvents(listener: (change: ObjectChange<EventObject>) => void): () => void;
  /** The newest resourceVersion given out. */
  resourceVersion(): string;
  source(): OverallStatus;
  /** Leaves the verb for the planner and wakes it; null when there is no such container. Throws Suspended. */
  request(name: string, verb: Verb): Promise<Container | null>;
  /** Generations of a system made by Nix, oldest first; null when there is no such container. */
  generations(name: string): Promise<readonly Generation[] | null>;
  /**
   * Leaves an update or a rollback for the planner and wakes it; null when there is no such container. The change is under
   * way when the status' `updateRequestedAt` is not before `requestedAt`.
   */
  update(name: string, update: NixUpdate): Promise<UpdateAnswer | null>;
  /** The specs that a container has had, oldest first; null when there is no such container, or it never had one. */
  revisions(name: string): readonly Revision[] | null;
  /** Tries the spec again that its manifest says and that was tried in vain; null when there is no such container. */
  retry(name: string): Promise<RolloutAnswer | null>;
  /** Makes an earlier spec what the manifest says: the last one that was Ready, or a given one. */
  undo(name: string, toRevision: number | null): Promise<RolloutAnswer | null>;
  /** Leaves a container alone for a while, or until it is resumed; null when there is no such container. */
  suspend(name: string, forMs: number | null): Promise<Container | null>;
  resume(name: string): Promise<Container | null>;
  /** Looks at a container now, whatever it waits for, and is done when that look is; null when there is no such container. */
  reconcile(name: string): Promise<Container | null>;
  confirmPrune(hash: string): Promise<boolean>;
  createManifest(draft: Draft): Promise<Creation>;
  /** The same as of `ManifestPort`; `expectedVersion` is the resourceVersion that the client saw, null where it does not mind. */
  writeManifest(
    name: string,
    change: ManifestChange,
    options: { readonly expectedVersion: string | null; readonly isDryRun: boolean },
  ): Promise<Writing>;
  removeManifest(name: string, options: RemovalOptions): Promise<Removal>;
  rootObjection(path: string, except: string): Promise<string | null>;
  /** The plan for these files as if they were in the directory; for all that is in force when none are given. */
  preview(files: readonly FileText[]): Promise<readonly Preview[]>;
  /** Whether the loops turn; what /healthz says. */
  isHealthy(): boolean;
}

/** What people ask of a container. `terminate` is a stop at once, without a clean power-off. */
export type Verb = 'start' | 'stop' | 'restart' | 'terminate';

export type NixUpdate =
  | { readonly mode: 'build' | 'switch' }
  | { readonly mode: 'rollback'; readonly to: number | null };

export type UpdateAnswer =
  | { readonly isAccepted: true; readonly requestedAt: string; readonly generation: number | null }
  | { readonly isAccepted: false; readonly because: string };

/** `file`: where the manifest was changed; null where it was not. */
export type RolloutAnswer =
  | { readonly is: 'done'; readonly specHash: string; readonly file: string | null }
  | { readonly is: 'refused'; readonly message: string }
  | { readonly is: 'invalid'; readonly problems: readonly Problem[] };

export interface ObjectChange<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
  /** What it was before; null: it is new. A watch that sees only some objects decides by it. */
  readonly before: T | null;
}

/** What a watch tells of it. */
export type ContainerChange = Pick<ObjectChange<Container>, 'type' | 'object'>;

/** What would happen to one container, before it happens. */
export interface Preview {
  readonly name: string | null;
  readonly problems: readonly Problem[];
  readonly changes: readonly FieldChange[];
  /** The plan's text form; empty when there is nothing to do. */
  readonly plan: string;
}

export interface FieldChange {
  readonly field: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly changeClass: 'live' | 'reload' | 'restart';
}

/** Hears what the loop does. Implemented by `metrics/`; must not throw. */
export interface LoopObserver {
  onAdded(): void;
  /** A key's turn has come, after so many seconds. */
  onTaken(waitedSeconds: number): void;
  onDone(workedSeconds: number): void;
  onReconciled(result: 'success' | 'requeue_after' | 'error', seconds: number): void;
}

/** How the queue is at a moment. */
export interface QueueFigures {
  readonly waiting: number;
  readonly workers: number;
  /** How long each key that is worked on has been. */
  readonly runningSeconds: readonly number[];
}

/** What `/metrics` answers. */
export interface MetricsPort {
  text(): Promise<{ readonly contentType: string; readonly text: string }>;
}
