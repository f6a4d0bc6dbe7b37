import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../api/manifest.ts';
import type { ManifestContent } from '../api/manifest-content.ts';
import { specHash } from '../api/spec-hash.ts';
import type { Desired } from '../planning/desired.ts';

/**
 * What a client has seen of a manifest and changes: what is in force. The file says something else where that was tried in
 * vain; it is not what anybody means to change a little.
 */
export function seenContent(said: ManifestContent, desired: Desired): ManifestContent {
  if (desired.state !== 'present' || !isRefused(said.spec, desired)) return said;
  return { ...said, spec: desired.manifest.written };
}

/** A file with this spec is taken in: in force, or tried in vain before, which only somebody's word changes. */
export function isTakenIn(spec: JsonObject, file: string, desired: Desired): boolean {
  if (desired.state !== 'present' || desired.problems.length > 0) return false;
  if (isRefused(spec, desired)) return true;
  return desired.manifest.place.file === file && isDeepStrictEqual(desired.manifest.written, spec);
}

function isRefused(spec: JsonObject, { rollout }: Extract<Desired, { state: 'present' }>): boolean {
  return rollout?.refused != null && rollout.refused.specHash === specHash(spec);
}
