import type { JsonObject } from '../api/manifest.ts';
import { specHash } from '../api/spec-hash.ts';
import type { KeptRevision, Refusal, Rollout } from './kept-rollout.ts';

/** A rollout as a part of a record. The spec in force stands beside it already, and is not written twice. */
export function toRolloutRecord({ revisions, ...rollout }: Rollout, inForce: string | null): object {
  return {
    ...rollout,
    revisions: revisions.map(revision =>
      revision.specHash === inForce ? { ...revision, spec: null } : revision,
    ),
  };
}

/** Reads what `toRolloutRecord` wrote. What cannot be understood is left out: history is no reason to lose a version. */
export function fromRolloutRecord(value: unknown, written: JsonObject | null): Rollout | null {
  if (!isObject(value) || !Array.isArray(value.revisions)) return null;
  const revisions = value.revisions
    .map(revision => toRevision(revision, written))
    .filter(revision => revision !== null);
  // Hashes are of the day: a newer nspawnd may hash otherwise.
  const today = new Map(revisions.map(({ before, revision }) => [before, revision.specHash]));
  const { provenHash, refused, stuckBecause } = value;
  return {
    revisions: revisions.map(({ revision }) => revision),
    provenHash: typeof provenHash === 'string' ? (today.get(provenHash) ?? null) : null,
    refused: toRefusal(refused, today),
    stuckBecause: typeof stuckBecause === 'string' ? stuckBecause : null,
  };
}

function toRevision(
  value: unknown,
  written: JsonObject | null,
): { readonly before: string; readonly revision: KeptRevision } | null {
  if (!isObject(value)) return null;
  const { revision, acceptedAt, readyAt, rejected } = value;
  const spec = value.spec ?? written;
  const isRight =
    Number.isSafeInteger(revision) && typeof value.specHash === 'string' && typeof acceptedAt === 'string';
  if (!isRight || !isObject(spec)) return null;
  return {
    before: value.specHash as string,
    revision: {
      revision: revision as number,
      specHash: specHash(spec as JsonObject),
      spec: spec as JsonObject,
      acceptedAt: acceptedAt as string,
      ...(typeof readyAt === 'string' ? { readyAt } : {}),
      ...(isObject(rejected) && typeof rejected.at === 'string' && typeof rejected.because === 'string'
        ? { rejected: { at: rejected.at, because: rejected.because } }
        : {}),
    },
  };
}

function toRefusal(value: unknown, today: ReadonlyMap<string, string>): Refusal | null {
  if (!isObject(value)) return null;
  const { specHash: hash, because, at } = value;
  const known = typeof hash === 'string' ? today.get(hash) : undefined;
  if (known === undefined || typeof because !== 'string' || typeof at !== 'string') return null;
  return { specHash: known, because, at };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
