import type { Manifest } from '../api/manifest.ts';
import type { Rollout } from './kept-rollout.ts';

/**
 * The last good version of a manifest, as it is kept across restarts and boots. With `removedAt` it is a tombstone: the
 * deletion was decided and goes on, whatever happens to the directory, until the host has nothing left of it.
 */
export interface AcceptedVersion {
  readonly name: string;
  /** Path of the file it was accepted from; null for a name known only from the host. */
  readonly file: string | null;
  /** Null where no version is known: a name from the host, or an unreadable record of ours. */
  readonly manifest: Manifest | null;
  /** Raised when the spec changes; 1 for the first. */
  readonly generation: number;
  /** RFC 3339; when the name was first accepted. */
  readonly createdAt: string;
  /** RFC 3339; null while it is in force. */
  readonly removedAt: string | null;
  /** What became of its specs; absent where an older nspawnd kept it. */
  readonly rollout?: Rollout;
}
