/** More than any container says that could be accepted, and little enough to be written and judged in a moment. */
const MAX_VALUES = 10_000;
/** The same as in a file. */
const MAX_DEPTH = 100;

/**
 * Why a body is more than a container could be; null: it may be looked at. To be asked before anything that goes through
 * it: what comes after is recursive, or looks at each value once for every other.
 */
export function objectionToSize(body: unknown): string | null {
  let values = 0;
  let level: readonly unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `nested more than ${MAX_DEPTH} levels deep`;
    values += level.length;
    if (values > MAX_VALUES) return `more than ${MAX_VALUES} values`;
    level = level.flatMap(value => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return null;
}
