/**
 * Is this still the directory we knew? Another inode under the same path may be an empty mount point or an old backup, so it
 * deletes nothing until it has proved itself: two scans in a row, some time apart, that read it fully and found at least
 * half of the known names in it. Pure; `proof` is handed back in.
 */
export function judgeIdentity(look: IdentityLook): IdentityVerdict {
  const { recorded, found, bootId } = look;
  // Inode and device numbers mean nothing across boots, and a first look has nothing to compare with.
  if (recorded === null || recorded.bootId !== bootId || recorded.identity === found)
    return { isAccepted: true, proof: null, againInMs: null };
  const isConvincing = look.isFullyRead && look.knownNamesInIt * 2 >= look.knownNames;
  if (!isConvincing) return { isAccepted: false, proof: null, againInMs: null };
  const { proof } = look;
  // A directory that is still being filled begins again with every change.
  if (proof === null || proof.identity !== found || proof.content !== look.content) {
    const fresh = { identity: found, content: look.content, sinceMs: look.monotonicMs };
    return { isAccepted: false, proof: fresh, againInMs: PROOF_MS };
  }
  const waitMs = PROOF_MS - (look.monotonicMs - proof.sinceMs);
  return waitMs <= 0
    ? { isAccepted: true, proof: null, againInMs: null }
    : { isAccepted: false, proof, againInMs: Math.ceil(waitMs) };
}

export interface IdentityLook {
  readonly recorded: DirectoryIdentity | null;
  readonly found: string;
  readonly bootId: string;
  /** No file unreadable, none pending. */
  readonly isFullyRead: boolean;
  readonly knownNames: number;
  readonly knownNamesInIt: number;
  /** Equal while the same names are in it. */
  readonly content: string;
  readonly proof: IdentityProof | null;
  readonly monotonicMs: number;
}

export interface IdentityVerdict {
  readonly isAccepted: boolean;
  readonly proof: IdentityProof | null;
  readonly againInMs: number | null;
}

export interface DirectoryIdentity {
  readonly identity: string;
  readonly bootId: string;
}

export interface IdentityProof {
  readonly identity: string;
  readonly content: string;
  readonly sinceMs: number;
}

export const PROOF_MS = 2_000;
