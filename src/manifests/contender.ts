import type { Manifest } from '../api/manifest.ts';
import type { Problem } from '../api/problem.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import type { ClaimWorld } from './claims.ts';
import type { ParsedDocument } from './document.ts';

/** One name, with all that is known of it. */
export interface Contender {
  readonly name: string;
  /** Every document with this name; empty where its last good version is in force without one. */
  readonly documents: readonly ParsedDocument[];
  readonly accepted: AcceptedVersion | null;
  /** On its way out: still has what it had, and others wait for it. */
  readonly isLeaving: boolean;
}

export interface World extends ClaimWorld {
  readonly hostName: string;
  /** Real path of a root, as far as it exists. */
  readonly realRoot: (root: string) => string;
  /** Real paths of the manifests and the state directory. */
  readonly reservedDirectories: readonly string[];
}

export interface Admitted {
  /** In force; null: none. */
  readonly manifest: Manifest | null;
  /** Where it comes from: the directory's newest text, or the last good version. */
  readonly origin: 'document' | 'accepted' | 'none';
  readonly document: ParsedDocument | null;
  readonly objections: readonly Objection[];
  /** Who has to go first, in words; null when nobody. */
  readonly waitsFor: string | null;
}

export interface Objection {
  /** Whose problem it is; null where the last good version has it. */
  readonly document: ParsedDocument | null;
  readonly problem: Problem;
}
