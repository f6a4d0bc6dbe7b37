import type { Condition } from './condition.ts';
import type { ContainerEvent } from './event.ts';
import type { NixStatus } from './generation.ts';
import type { API_VERSION, JsonObject, KIND } from './manifest.ts';

/** What a container is doing, in the few words of the STATUS column. */
export type Phase =
  | 'Pending'
  | 'Starting'
  | 'Running'
  | 'Stopping'
  | 'Stopped'
  | 'Exited'
  | 'Failed'
  | 'BackOff'
  | 'Stalled'
  | 'Invalid'
  | 'Removing'
  | 'Unknown';

export interface ContainerStatus {
  readonly observedGeneration: number;
  readonly phase: Phase;
  readonly conditions: readonly Condition[];
  /** How often nspawnd started it again after an end, since boot. */
  readonly restarts: number;
  /** What the plan waits for, in words; absent when it waits for nothing. */
  readonly waitingFor?: string;
  /** RFC 3339; when the next try is due. */
  readonly nextRetryTime?: string;
  /** RFC 3339; when the running guest became active. */
  readonly startedAt?: string;
  /** PID 1 of the guest seen from the host. */
  readonly leader?: number;
  readonly addresses: readonly string[];
  readonly specHash?: string;
  /** How far it is on the way to the spec of its manifest; `Complete` once a guest was Ready with it for a while. */
  readonly rollout?: {
    /** Of the spec in force. */
    readonly revision: number;
    readonly state: 'Progressing' | 'Complete' | 'RolledBack';
  };
  /** The hash in the running nspawn's own environment. */
  readonly runningSpecHash?: string;
  readonly unit: string;
  /** Of a guest whose system is made by Nix. */
  readonly nix?: NixStatus;
  /** Drop-ins of others that change our unit. */
  readonly foreignDropIns?: readonly string[];
}

/** The object of the API, in Kubernetes' resource shape. */
export interface Container {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation: number;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  /** As written; empty where no version was ever valid. */
  readonly spec: JsonObject;
  readonly status: ContainerStatus;
}

/** Annotation with which every object names its manifest: `FILE:LINE`. */
export const MANIFEST_ANNOTATION = 'nspawnd.io/manifest';

/** A container with its history: what `describe` shows. */
export interface ContainerDetail {
  readonly container: Container;
  readonly events: readonly ContainerEvent[];
}

/** Unit, machine and namespace all derive from the name; these are the only places that know how. */
export function unitName(name: string): string {
  return `container@${name}.service`;
}

export function nameOfUnit(unit: string): string | null {
  const match = /^container@(.+)\.service$/.exec(unit);
  return match?.[1] ?? null;
}
