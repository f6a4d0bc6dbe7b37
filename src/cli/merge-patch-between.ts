import { isDeepStrictEqual } from 'node:util';
import { isMapping } from '../api/is-mapping.ts';
import type { Json, JsonObject } from '../api/manifest.ts';

/** The RFC 7396 patch that makes the one out of the other; undefined where they are the same. */
export function mergePatchBetween(before: JsonObject, after: JsonObject): JsonObject | undefined {
  const patch: Record<string, Json> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[key], after[key]];
    if (isDeepStrictEqual(old, now)) continue;
    const inner = isMapping(old) && isMapping(now) ? mergePatchBetween(old, now) : now;
    patch[key] = inner ?? null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}
