import { formatAge } from '../../api/age.ts';
import { findCondition } from '../../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION, type Phase } from '../../api/container.ts';
import type { Style } from './paint.ts';
import type { Cell } from './table.ts';

const HEADER = ['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'ADDRESS'];
const WIDE_HEADER = [...HEADER, 'LEADER', 'MANIFEST', 'REASON'];

export function containerHeader(isWide: boolean): readonly Cell[] {
  return isWide ? WIDE_HEADER : HEADER;
}

/** One container as a row of `get`. */
export function containerRow(container: Container, isWide: boolean, now: number): readonly Cell[] {
  const { metadata, status } = container;
  const ready = findCondition(status.conditions, 'Ready');
  const isReady = ready?.status ?? 'Unknown';
  const cells: Cell[] = [
    metadata.name,
    isReady === 'False' ? { text: isReady, style: 'warning' } : isReady,
    phaseCell(status.phase),
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

/** The last line of a container in a watch. */
export function deletedRow(container: Container, isWide: boolean, now: number): readonly Cell[] {
  const row = [...containerRow(container, isWide, now)];
  row[1] = 'False';
  row[2] = { text: 'Deleted', style: 'dim' };
  return row;
}

/** The columns that matter when deciding whether a watch has news: all but AGE. */
export function newsOf(row: readonly Cell[]): string {
  return JSON.stringify(row.filter((_cell, column) => column !== 4));
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
