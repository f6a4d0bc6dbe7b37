import type { JsonObject } from './manifest.ts';

/** One of the specs that a container has had: what `nspawnctl rollout history` shows. */
export interface Revision {
  /** Counts up; the same spec accepted again is a new one, and its former number is gone. */
  readonly revision: number;
  readonly specHash: string;
  /** As written. */
  readonly spec: JsonObject;
  /** RFC 3339; when it was taken in. */
  readonly acceptedAt: string;
  /** RFC 3339; when a guest was first Ready with it. */
  readonly readyAt?: string;
  /** When and why it gave way to the one before it. */
  readonly rejected?: { readonly at: string; readonly because: string };
  readonly isInForce: boolean;
  /** What the manifest says; another one is in force where this one was tried in vain. */
  readonly isInManifest: boolean;
}
