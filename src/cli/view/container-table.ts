import { formatAge } from '../../api/age.ts';
import { findCondition } from '../../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION, type Phase } from '../../api/container.ts';
import type { Columns } from './columns.ts';
import type { Style } from './paint.ts';
import type { Cell } from './table.ts';

const HEADER = ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'ADDRESS'];
const WIDE_HEADER = [...HEADER, 'LEADER', 'MANIFEST', 'REASON'];
const AGE = HEADER.indexOf('AGE');

export interface ContainerColumns {
  readonly isWide: boolean;
  /** Labels that have a column each. */
  readonly labels: readonly string[];
  /** All labels in a last column. */
  readonly showLabels: boolean;
}

/** What `get` shows unless it is told what to show. */
export function containerColumns(options: ContainerColumns): Columns {
  const row = (container: Container, now: number) => [
    ...containerRow(container, options.isWide, now),
    ...labelCells(container, options),
  ];
  return {
    header: [
      ...(options.isWide ? WIDE_HEADER : HEADER),
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
    news: container => JSON.stringify(row(container, 0).filter((_cell, column) => column !== AGE)),
  };
}

function containerRow(container: Container, isWide: boolean, now: number): readonly Cell[] {
  const { metadata, status } = container;
  const ready = findCondition(status.conditions, 'Ready');
  const isReady = ready?.status ?? 'Unknown';
  const cells: Cell[] = [
    metadata.name,
    isReady === 'False' ? { text: isReady, style: 'warning' } : isReady,
    statusCell(status),
    String(status.restarts),
    formatAge(metadata.creationTimestamp, now),
    orNone(status.addresses.join(',')),
  ];
  if (!isWide) return cells;
  return [
    ...cells,
    orNone(status.leader === undefined ? '' : String(status.leader)),
    orNone(metadata.annotations?.[MANIFEST_ANNOTATION] ?? ''),
    orNone(isReady === 'True' ? '' : (ready?.reason ?? '')),
  ];
}

function labelCells({ metadata }: Container, { labels, showLabels }: ContainerColumns): readonly Cell[] {
  const all = Object.entries(metadata.labels ?? {});
  return [
    ...labels.map(label => orNone(all.find(([key]) => key === label)?.[1] ?? '')),
    ...(showLabels ? [orNone(all.map(([key, value]) => `${key}=${value}`).join(','))] : []),
  ];
}

/** The phase; also that nspawnd keeps its hands off, in the manner of kubectl's `Ready,SchedulingDisabled`. */
function statusCell({ phase, conditions }: Container['status']): Cell {
  if (findCondition(conditions, 'Suspended')?.status !== 'True') return phaseCell(phase);
  return { text: `${phase},Suspended`, style: 'warning' };
}

export function phaseCell(phase: Phase): Cell {
  const style = PHASE_STYLE[phase];
  return style === undefined ? phase : { text: phase, style };
}

const PHASE_STYLE: Readonly<Partial<Record<Phase, Style>>> = {
  Running: 'good',
  Failed: 'bad',
  BackOff: 'bad',
  Stalled: 'bad',
  Invalid: 'bad',
  Starting: 'warning',
  Stopping: 'warning',
  Removing: 'warning',
  Pending: 'warning',
  Unknown: 'warning',
};

function orNone(text: string): string {
  return text === '' ? '<none>' : text;
}
