import { formatAge } from '../api/age.ts';
import { findCondition } from '../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION, type Phase } from '../api/container.ts';
import type { Style } from './paint.ts';
import type { Cell } from './table.ts';

/** A column of the table of containers: in Kubernetes' words for clients that ask for a table, and what makes the cell. */
export interface ContainerColumn {
  readonly name: string;
  readonly type: 'string' | 'integer';
  readonly format: '' | 'name';
  readonly description: string;
  /** 0: always shown; 1: only in wide tables. */
  readonly priority: 0 | 1;
  cell(container: Container, now: number): Cell | number;
}

/** What is shown of a container to people, by every face there is. */
export const CONTAINER_COLUMNS: readonly ContainerColumn[] = [
  {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name of the container and of its machine.',
    priority: 0,
    cell: ({ metadata }) => metadata.name,
  },
  {
    name: 'Ready',
    type: 'string',
    format: '',
    description: 'Whether it does what its manifest says.',
    priority: 0,
    cell: container => {
      const isReady = readyOf(container)?.status ?? 'Unknown';
      return isReady === 'False' ? { text: isReady, style: 'warning' } : isReady;
    },
  },
  {
    name: 'Status',
    type: 'string',
    format: '',
    description: 'What it is doing.',
    priority: 0,
    cell: ({ status }) => statusCell(status),
  },
  {
    name: 'Restarts',
    type: 'integer',
    format: '',
    description: 'How often it was started again after an end, since boot.',
    priority: 0,
    cell: ({ status }) => status.restarts,
  },
  {
    name: 'Age',
    type: 'string',
    format: '',
    description: 'Time since its manifest was first accepted.',
    priority: 0,
    cell: ({ metadata }, now) => formatAge(metadata.creationTimestamp, now),
  },
  {
    name: 'Address',
    type: 'string',
    format: '',
    description: 'Its addresses.',
    priority: 0,
    cell: ({ status }) => orNone(status.addresses.join(',')),
  },
  {
    name: 'Leader',
    type: 'string',
    format: '',
    description: 'PID 1 of the guest, seen from the host.',
    priority: 1,
    cell: ({ status }) => orNone(status.leader === undefined ? '' : String(status.leader)),
  },
  {
    name: 'Manifest',
    type: 'string',
    format: '',
    description: 'File and line of its manifest.',
    priority: 1,
    cell: ({ metadata }) => orNone(metadata.annotations?.[MANIFEST_ANNOTATION] ?? ''),
  },
  {
    name: 'Reason',
    type: 'string',
    format: '',
    description: 'Why it is not ready.',
    priority: 1,
    cell: container => {
      const ready = readyOf(container);
      return orNone(ready?.status === 'True' ? '' : (ready?.reason ?? ''));
    },
  },
];

function readyOf({ status }: Container) {
  return findCondition(status.conditions, 'Ready');
}

/** The phase, and what else is to be known of it, in the manner of kubectl's `Ready,SchedulingDisabled`. */
function statusCell({ phase, conditions }: Container['status']): Cell {
  const words = (['RolledBack', 'Suspended'] as const).filter(
    type => findCondition(conditions, type)?.status === 'True',
  );
  return words.length === 0 ? phaseCell(phase) : { text: [phase, ...words].join(','), style: 'warning' };
}

function phaseCell(phase: Phase): Cell {
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

export function orNone(text: string): string {
  return text === '' ? '<none>' : text;
}
