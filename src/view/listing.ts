import type { Container } from '../api/container.ts';
import type { Columns } from './columns.ts';
import { escapeLine } from './escape.ts';
import type { Paint } from './paint.ts';
import { formatTable } from './table.ts';

/** A table of these containers; nothing at all where there are none. */
export function tableText(
  columns: Columns,
  hasHeader: boolean,
  containers: readonly Container[],
  now: number,
  paint: Paint,
): string {
  if (containers.length === 0) return '';
  const rows = containers.map(container => columns.row(container, now));
  return formatTable(hasHeader ? [columns.header, ...rows] : rows, paint);
}

/** What names a container everywhere, on a line of its own. */
export function nameLine({ metadata }: Container): string {
  return `container/${escapeLine(metadata.name)}\n`;
}

/** A name as a shell completes it: what it does after a tab. */
export function wordLine({ metadata, status }: Container): string {
  return `${escapeLine(metadata.name)}\t${escapeLine(status.phase)}\n`;
}

/** Said where a table would be. */
export function noContainers(directory: string): string {
  return `No containers found in ${escapeLine(directory)}.`;
}

export function sortByName(items: readonly Container[]): readonly Container[] {
  return [...items].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}
