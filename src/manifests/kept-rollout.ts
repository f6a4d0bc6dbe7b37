import type { Revision } from '../api/revision.ts';

/** What became of the specs of one container. Kept with its accepted version, and forgotten with it. */
export interface Rollout {
  /** Oldest first, at most ten; the newest is the one accepted last, in force or refused. */
  readonly revisions: readonly KeptRevision[];
  /** The last spec with which a guest was Ready; null: none yet. */
  readonly provenHash: string | null;
  /** A spec that was tried in vain, and is not taken from the manifest again until that says something else. */
  readonly refused: Refusal | null;
  /** Why the last spec that was Ready cannot be in force instead of the newest. */
  readonly stuckBecause: string | null;
}

export type KeptRevision = Omit<Revision, 'isInForce' | 'isInManifest'>;

export interface Refusal {
  readonly specHash: string;
  readonly because: string;
  readonly at: string;
}
