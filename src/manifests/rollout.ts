import type { JsonObject } from '../api/manifest.ts';
import type { Revision } from '../api/revision.ts';
import type { RolloutFacts } from '../planning/desired.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import type { KeptRevision, Refusal, Rollout } from './kept-rollout.ts';

const MAX_REVISIONS = 10;
/** Of all specs together as JSON; what is in force, proven or refused is kept whatever its size. */
const MAX_REVISION_CHARACTERS = 1024 * 1024;

export const NO_ROLLOUT: Rollout = { revisions: [], provenHash: null, refused: null, stuckBecause: null };

/** Of a version that an older nspawnd kept, as far as that can be known. */
export function rolloutOf(version: AcceptedVersion): Rollout {
  const { manifest, rollout = NO_ROLLOUT } = version;
  if (manifest === null || rollout.revisions.some(({ specHash }) => specHash === manifest.specHash))
    return rollout;
  return afterAcceptance(rollout, manifest, version.createdAt);
}

/** A spec was taken in from the manifest: the newest revision, and no older one is refused any more. */
export function afterAcceptance(
  rollout: Rollout,
  { specHash, written }: { readonly specHash: string; readonly written: JsonObject },
  acceptedAt: string,
): Rollout {
  const newest = rollout.revisions.at(-1);
  if (newest?.specHash === specHash && newest.rejected === undefined)
    return { ...rollout, refused: null, stuckBecause: null };
  const known = rollout.revisions.find(revision => revision.specHash === specHash);
  const revision: KeptRevision = {
    revision: (newest?.revision ?? 0) + 1,
    specHash,
    spec: written,
    acceptedAt,
    ...(known?.readyAt === undefined ? {} : { readyAt: known.readyAt }),
  };
  const others = rollout.revisions.filter(other => other !== known);
  return bounded({ ...rollout, revisions: [...others, revision], refused: null, stuckBecause: null });
}

/** A guest was Ready with this spec. */
export function afterProof(rollout: Rollout, provenHash: string, readyAt: string): Rollout {
  const revisions = rollout.revisions.map(revision =>
    revision.specHash === provenHash && revision.readyAt === undefined ? { ...revision, readyAt } : revision,
  );
  return { ...rollout, revisions, provenHash };
}

/** This spec was tried in vain. */
export function afterRejection(rollout: Rollout, refused: Refusal): Rollout {
  const { at, because, specHash } = refused;
  const revisions = rollout.revisions.map(revision =>
    revision.specHash === specHash ? { ...revision, rejected: { at, because } } : revision,
  );
  return { ...rollout, revisions, refused };
}

/** Null where it is not known (any more). */
export function findRevision(rollout: Rollout, hash: string | null): KeptRevision | null {
  return rollout.revisions.find(({ specHash }) => specHash === hash) ?? null;
}

/** What the planner is told. `isAsked`: the refused spec is what the manifest still says. */
export function factsOf(version: AcceptedVersion, isAsked: boolean): RolloutFacts {
  if (version.rollout?.refused != null) return makeFacts(version, isAsked);
  const known = FACTS.get(version) ?? makeFacts(version, false);
  FACTS.set(version, known);
  return known;
}

/** Of versions of which nothing is refused: every scan asks again for all of them. */
const FACTS = new WeakMap<AcceptedVersion, RolloutFacts>();

function makeFacts(version: AcceptedVersion, isAsked: boolean): RolloutFacts {
  const rollout = rolloutOf(version);
  const inForce = findRevision(rollout, version.manifest?.specHash ?? null);
  const proven = findRevision(rollout, rollout.provenHash);
  const refused = isAsked ? rollout.refused : null;
  const name = ({ revision, specHash }: KeptRevision) => ({ revision, specHash });
  return {
    revision: inForce?.revision ?? 0,
    isProven: proven !== null && proven === inForce,
    fallback: proven === null || proven === inForce ? null : { ...name(proven), written: proven.spec },
    refused:
      refused === null
        ? null
        : { ...refused, revision: findRevision(rollout, refused.specHash)?.revision ?? 0 },
    stuckBecause: rollout.stuckBecause,
  };
}

/** Oldest first. */
export function revisionsOf(version: AcceptedVersion): readonly Revision[] {
  const { revisions, refused } = rolloutOf(version);
  const inForce = version.manifest?.specHash;
  return revisions.map(revision => ({
    ...revision,
    isInForce: revision.specHash === inForce,
    isInManifest: revision.specHash === (refused?.specHash ?? inForce),
  }));
}

function bounded(rollout: Rollout): Rollout {
  const newest = rollout.revisions.at(-1);
  const isKept = (revision: KeptRevision) => revision === newest || revision.specHash === rollout.provenHash;
  const revisions = [...rollout.revisions];
  const size = () => revisions.reduce((sum, { spec }) => sum + JSON.stringify(spec).length, 0);
  while (revisions.length > MAX_REVISIONS || size() > MAX_REVISION_CHARACTERS) {
    const oldest = revisions.findIndex(revision => !isKept(revision));
    if (oldest < 0) break;
    revisions.splice(oldest, 1);
  }
  return { ...rollout, revisions };
}
