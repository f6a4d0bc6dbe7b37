import { ancestorsOf } from './root-rules.ts';

/** Who has which root tree: finds the same and nested ones without comparing everyone with everyone. */
export class RootTable<T> {
  readonly #at = new Map<string, Shelf<T>>();
  readonly #below = new Map<string, Shelf<T>>();

  add(root: string, isThrowaway: boolean, owner: T): void {
    put(this.#at, root, isThrowaway, owner);
    for (const ancestor of ancestorsOf(root)) put(this.#below, ancestor, isThrowaway, owner);
  }

  /** Somebody whose root is the same, around or inside, and with whom it cannot be shared; null when nobody is. */
  find(root: string, isThrowaway: boolean): T | null {
    const shelves = [root, ...ancestorsOf(root)]
      .map(path => this.#at.get(path))
      .concat(this.#below.get(root));
    for (const shelf of shelves) {
      const met = shelf?.lasting[0] ?? (isThrowaway ? undefined : shelf?.throwaway[0]);
      if (met !== undefined) return met;
    }
    return null;
  }
}

interface Shelf<T> {
  readonly lasting: T[];
  readonly throwaway: T[];
}

function put<T>(table: Map<string, Shelf<T>>, path: string, isThrowaway: boolean, owner: T): void {
  const shelf = table.get(path) ?? { lasting: [], throwaway: [] };
  table.set(path, shelf);
  (isThrowaway ? shelf.throwaway : shelf.lasting).push(owner);
}
