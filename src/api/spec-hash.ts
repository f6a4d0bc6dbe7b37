import { createHash } from 'node:crypto';
import type { Json, JsonObject } from './manifest.ts';

/** Raised when the way of hashing changes; part of every hash, so that old and new never compare equal by accident. */
export const HASH_VERSION = 1;

/**
 * Identity of a spec: over the spec as written, keys sorted, without defaults. Touching, re-ordering and commenting a
 * file therefore change nothing, and neither does a new default in a newer nspawnd.
 */
export function specHash(written: JsonObject): string {
  const digest = createHash('sha256').update(canonicalJson(written)).digest('hex').slice(0, 16);
  return `v${HASH_VERSION}-${digest}`;
}

/** JSON with sorted keys: equal values are equal text. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(item => canonicalJson(item as Json)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as JsonObject).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
