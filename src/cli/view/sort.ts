import type { Container } from '../../api/container.ts';
import { evaluate } from '../jsonpath/evaluate.ts';
import type { Path } from '../jsonpath/template.ts';

export interface Sorted {
  readonly items: readonly Container[];
  /** Whether any of them has what it was sorted by. */
  readonly isKnown: boolean;
}

/** By what a path finds first, in natural order (web2 before web10); who has nothing there comes first, as with kubectl. */
export function sortBy(path: Path, containers: readonly Container[]): Sorted {
  const keyed = containers.map(container => ({ container, key: evaluate(path, container)[0] }));
  // Array.prototype.sort is stable: what is equal stays in the order it had.
  keyed.sort((a, b) => compare(a.key, b.key));
  return {
    items: keyed.map(({ container }) => container),
    isKnown: containers.length === 0 || keyed.some(({ key }) => key !== undefined),
  };
}

function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareNaturally(
    typeof a === 'string' ? a : JSON.stringify(a),
    typeof b === 'string' ? b : JSON.stringify(b),
  );
}

function compareNaturally(a: string, b: string): number {
  const [left, right] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (const [at, part] of left.entries()) {
    const other = right[at];
    if (other === undefined) return 1;
    if (part === other) continue;
    const difference = at % 2 === 1 ? Number(part) - Number(other) : 0;
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
    return part < other ? -1 : 1;
  }
  return left.length - right.length;
}
