import type { JsonObject, Manifest } from '../api/manifest.ts';
import type { Problem } from '../api/problem.ts';

/**
 * What the manifests say of one name.
 *
 * Architecture invariant: a parse error can never read as a deletion. A broken manifest counts as its last good version
 * (`present`, with `problems`), or, where there never was one, as `unknown`, which plans nothing.
 */
export type Desired =
  | {
      readonly state: 'present';
      readonly manifest: Manifest;
      /** Kubernetes' metadata.generation: raised when the spec changes. */
      readonly generation: number;
      /** RFC 3339; when the name was first accepted. */
      readonly createdAt: string;
      /** Why the newest text of this manifest is not in force; empty while it is. */
      readonly problems: readonly Problem[];
      /** The last good version is in force though the manifest is gone; says why it is not taken for a deletion. */
      readonly heldBecause?: Hold;
      /** How the version in force came to be; absent where nobody keeps its history. */
      readonly rollout?: RolloutFacts;
    }
  | { readonly state: 'unknown'; readonly problems: readonly Problem[]; readonly reason: string }
  | { readonly state: 'absent' };

/** Why a vanished manifest is not (yet) a deletion. */
export interface Hold {
  readonly reason:
    | 'FilesUnreadable'
    | 'DirectoryMissing'
    | 'DirectoryUnreadable'
    | 'DirectoryUntrusted'
    | 'DirectoryReplaced'
    | 'DirectoryEmpty'
    | 'TooManyDeletions';
  readonly message: string;
  /** Where a person may confirm: what `nspawnctl prune --confirm` takes. */
  readonly confirmHash?: string;
}

/** What the manifests say of the version in force: whether it has ever worked, and what was before it. */
export interface RolloutFacts {
  /** The number of the version in force in its history. */
  readonly revision: number;
  /** A guest was Ready with it. */
  readonly isProven: boolean;
  /** The last version that was Ready, where that is another one; null: there is nothing to go back to. */
  readonly fallback: (RevisionName & { readonly written: JsonObject }) | null;
  /** What the manifest says and is not in force, because it was tried; null: what it says is in force. */
  readonly refused: (RevisionName & { readonly because: string; readonly at: string }) | null;
  /** Why `fallback` cannot be in force again; null: it can, or nobody has had to ask. */
  readonly stuckBecause: string | null;
}

export interface RevisionName {
  readonly revision: number;
  readonly specHash: string;
}
