import type { Container } from '../api/container.ts';
import type { Columns } from './columns.ts';
import { CONTAINER_COLUMNS, orNone } from './container-columns.ts';
import type { Cell } from './table.ts';

export interface ContainerColumns {
  readonly isWide: boolean;
  /** Labels that have a column each. */
  readonly labels: readonly string[];
  /** All labels in a last column. */
  readonly showLabels: boolean;
}

/** What `get` shows unless it is told what to show. */
export function containerColumns(options: ContainerColumns): Columns {
  const columns = CONTAINER_COLUMNS.filter(({ priority }) => priority === 0 || options.isWide);
  const header = columns.map(({ name }) => name.toUpperCase());
  const age = header.indexOf('AGE');
  const row = (container: Container, now: number): readonly Cell[] => [
    ...columns.map(column => toText(column.cell(container, now))),
    ...labelCells(container, options),
  ];
  return {
    header: [
      ...header,
      // As with kubectl: a header has the label's last part.
      ...options.labels.map(label => label.slice(label.lastIndexOf('/') + 1).toUpperCase()),
      ...(options.showLabels ? ['LABELS'] : []),
    ],
    row,
    deletedRow: (container, now) => {
      const cells = [...row(container, now)];
      cells[1] = 'False';
      cells[2] = { text: 'Deleted', style: 'dim' };
      return cells;
    },
    // All that is shown but its age.
    news: container => JSON.stringify(row(container, 0).filter((_cell, column) => column !== age)),
  };
}

function toText(cell: Cell | number): Cell {
  return typeof cell === 'number' ? String(cell) : cell;
}

function labelCells({ metadata }: Container, { labels, showLabels }: ContainerColumns): readonly Cell[] {
  const all = Object.entries(metadata.labels ?? {});
  return [
    ...labels.map(label => orNone(all.find(([key]) => key === label)?.[1] ?? '')),
    ...(showLabels ? [orNone(all.map(([key, value]) => `${key}=${value}`).join(','))] : []),
  ];
}
