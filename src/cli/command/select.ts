import type { Container } from '../../api/container.ts';
import { sortByName } from '../../view/listing.ts';
import type { CliError } from '../cli-error.ts';

export interface Selection {
  readonly found: readonly Container[];
  readonly missing: readonly CliError[];
}

/** The containers with these names in the order given, or all of them by name; what is missing is told, not thrown. */
export async function select(items: readonly Container[], names: readonly string[]): Promise<Selection> {
  const byName = new Map(items.map(item => [item.metadata.name, item]));
  if (names.length === 0) return { found: sortByName(items), missing: [] };
  const found: Container[] = [];
  const missing: CliError[] = [];
  for (const name of new Set(names)) {
    const container = byName.get(name);
    if (container !== undefined) found.push(container);
    else {
      const { noSuchContainer } = await import('../did-you-mean.ts');
      missing.push(noSuchContainer(name, [...byName.keys()]));
    }
  }
  return { found, missing };
}
