import { formatAge } from '../api/age.ts';
import { findCondition } from '../api/condition.ts';
import { type Container, MANIFEST_ANNOTATION } from '../api/container.ts';
import { API_VERSION, KIND } from '../api/manifest.ts';
import type { Column, Kind } from './kind.ts';

/** The columns of `nspawnctl get`, for clients that ask for a table. */
const columns: readonly Column<Container>[] = [
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
    cell: container => readyOf(container)?.status ?? 'Unknown',
  },
  {
    name: 'Status',
    type: 'string',
    format: '',
    description: 'What it is doing.',
    priority: 0,
    cell: ({ status }) => status.phase,
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
    cell: ({ status }) => status.addresses.join(',') || '<none>',
  },
  {
    name: 'Leader',
    type: 'string',
    format: '',
    description: 'PID 1 of the guest, seen from the host.',
    priority: 1,
    cell: ({ status }) => String(status.leader ?? '<none>'),
  },
  {
    name: 'Manifest',
    type: 'string',
    format: '',
    description: 'File and line of its manifest.',
    priority: 1,
    cell: ({ metadata }) => metadata.annotations?.[MANIFEST_ANNOTATION] ?? '<none>',
  },
  {
    name: 'Reason',
    type: 'string',
    format: '',
    description: 'Why it is not ready.',
    priority: 1,
    cell: container => {
      const ready = readyOf(container);
      return ready?.status === 'True' ? '<none>' : (ready?.reason ?? '<none>');
    },
  },
];

const FIELDS: Readonly<Record<string, (object: Container) => string>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.uid': ({ metadata }) => metadata.uid,
  'status.phase': ({ status }) => status.phase,
};

export const containerKind: Kind<Container> = {
  apiVersion: API_VERSION,
  kind: KIND,
  list: control => control.list(),
  watch: (control, listener) => control.watch(listener),
  fields: Object.keys(FIELDS),
  field: (object, field) => FIELDS[field]?.(object),
  columns,
};

function readyOf({ status }: Container) {
  return findCondition(status.conditions, 'Ready');
}
