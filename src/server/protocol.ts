import type { Container } from '../api/container.ts';
import type { ContainerEvent } from '../api/event.ts';
import type { Generation } from '../api/generation.ts';
import type { API_VERSION } from '../api/manifest.ts';
import type { Revision } from '../api/revision.ts';
import type { OverallStatus, Preview, Verb } from '../controller/ports.ts';

/**
 * What both ends of the sockets agree on: paths and the shapes of the answers, Kubernetes' own where it has one.
 *
 * Architecture invariant: no value is imported here, so that the command pays nothing for it at start.
 */
export const GROUP_VERSION: typeof API_VERSION = 'nspawnd.io/v1alpha1';
export const API_PATH = `/apis/${GROUP_VERSION}`;
export const CONTAINERS_PATH = `${API_PATH}/containers`;
export const SOURCE_PATH = `${API_PATH}/source`;
export const PRUNE_PATH = `${API_PATH}/prune`;
export const PREVIEW_PATH = `${API_PATH}/preview`;
/** Whether a directory may be deleted as a root. */
export const ROOTS_PATH = `${API_PATH}/roots`;
/** The history of all containers, as core events. */
export const EVENTS_PATH = '/api/v1/events';
export const VERSION_PATH = '/version';

/** Below the runtime directory: the one with all verbs (root) and the one for reading (a group). */
export const ROOT_SOCKET = 'nspawnd.sock';
export const READ_SOCKET = 'read.sock';
/** Beside them, while nspawnd listens on TCP: what leads Kubernetes' clients there. */
export const KUBECONFIG = 'kubeconfig';

export type { Verb } from '../controller/ports.ts';
export const VERBS: readonly Verb[] = ['start', 'stop', 'restart', 'terminate'];

export interface ContainerList {
  readonly kind: 'ContainerList';
  readonly apiVersion: typeof API_VERSION;
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Container[];
}

/** A container whose manifest is gone (or would be): it goes, and its root stays. Kubernetes' Status, and two words more. */
export interface RemovedContainer {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<never, never>;
  readonly status: 'Success';
  readonly details: {
    readonly name: string;
    readonly group: string;
    readonly kind: 'containers';
    readonly uid: string;
  };
  readonly file: string;
  /** Null where no version of it was ever valid. */
  readonly root: string | null;
}

export interface GenerationList {
  readonly kind: 'GenerationList';
  readonly apiVersion: typeof API_VERSION;
  readonly metadata: Record<never, never>;
  /** Oldest first. */
  readonly items: readonly Generation[];
}

/** An update or a rollback that was accepted; the container's `updateRequestedAt` says when it is under way. */
export interface ContainerUpdate {
  readonly kind: 'ContainerUpdate';
  readonly apiVersion: typeof API_VERSION;
  readonly requestedAt: string;
  /** Of a rollback: where to. */
  readonly generation?: number;
}

export interface RevisionList {
  readonly kind: 'RevisionList';
  readonly apiVersion: typeof API_VERSION;
  readonly metadata: Record<never, never>;
  /** Oldest first. */
  readonly items: readonly Revision[];
}

/** A spec that is to be in force from now on. */
export interface ContainerRollout {
  readonly kind: 'ContainerRollout';
  readonly apiVersion: typeof API_VERSION;
  readonly specHash: string;
  /** Of an undo: the manifest that was changed. */
  readonly file?: string;
}

export interface RootVerdict {
  readonly kind: 'RootVerdict';
  readonly apiVersion: typeof API_VERSION;
  readonly path: string;
  /** Why it must not be deleted; null: nobody else needs it. */
  readonly objection: string | null;
}

export interface EventList {
  readonly kind: 'EventList';
  readonly apiVersion: typeof API_VERSION;
  readonly metadata: Record<never, never>;
  /** Oldest first, as the controller keeps them. */
  readonly items: readonly ContainerEvent[];
}

export interface Source {
  readonly kind: 'Source';
  readonly apiVersion: typeof API_VERSION;
  readonly status: OverallStatus;
}

export interface PreviewList {
  readonly kind: 'PreviewList';
  readonly apiVersion: typeof API_VERSION;
  readonly items: readonly Preview[];
}

/** Kubernetes' version.Info, as far as it means something here. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly platform: string;
}

/** Kubernetes' Status: every answer that is not the thing asked for. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<never, never>;
  readonly status: 'Success' | 'Failure';
  readonly reason?: StatusReason;
  readonly message: string;
  readonly code: number;
}

export type StatusReason =
  | 'AlreadyExists'
  | 'BadRequest'
  | 'Conflict'
  | 'Expired'
  | 'Forbidden'
  | 'InternalError'
  | 'Invalid'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'NotFound'
  | 'RequestEntityTooLarge'
  | 'RequestHeaderFieldsTooLarge'
  | 'ServiceUnavailable'
  | 'Timeout'
  | 'TooManyRequests'
  | 'Unauthorized'
  | 'UnsupportedMediaType';

/** What a BOOKMARK carries: only how far the watch has come. */
export interface Bookmark {
  readonly kind: 'Container';
  readonly apiVersion: typeof API_VERSION;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** One line of a watch. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Container }
  | { readonly type: 'BOOKMARK'; readonly object: Bookmark }
  | { readonly type: 'ERROR'; readonly object: Status };

/** On the BOOKMARK that ends the first ADDED events of a watch with `sendInitialEvents`; Kubernetes' name. */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
