import { formatAge } from '../api/age.ts';
import type { EventObject } from '../api/event.ts';
import type { Column, Kind } from './kind.ts';

/** The columns of `kubectl get events`. */
const columns: readonly Column<EventObject>[] = [
  {
    name: 'Last Seen',
    type: 'string',
    format: '',
    description: 'Time since it last happened.',
    priority: 0,
    cell: ({ lastTimestamp }, now) => formatAge(lastTimestamp, now),
  },
  {
    name: 'Type',
    type: 'string',
    format: '',
    description: 'Normal or Warning.',
    priority: 0,
    cell: ({ type }) => type,
  },
  {
    name: 'Reason',
    type: 'string',
    format: '',
    description: 'What happened, in one word.',
    priority: 0,
    cell: ({ reason }) => reason,
  },
  {
    name: 'Object',
    type: 'string',
    format: '',
    description: 'To which container.',
    priority: 0,
    cell: ({ involvedObject }) => `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`,
  },
  {
    name: 'Message',
    type: 'string',
    format: '',
    description: 'What happened, in words.',
    priority: 0,
    cell: ({ message }) => message,
  },
  {
    name: 'Count',
    type: 'integer',
    format: '',
    description: 'How often it happened.',
    priority: 1,
    cell: ({ count }) => count,
  },
  {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name of the event itself.',
    priority: 1,
    cell: ({ metadata }) => metadata.name,
  },
];

const FIELDS: Readonly<Record<string, (object: EventObject) => string>> = {
  'metadata.name': ({ metadata }) => metadata.name,
  'metadata.namespace': ({ metadata }) => metadata.namespace,
  'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion,
  'involvedObject.kind': ({ involvedObject }) => involvedObject.kind,
  'involvedObject.name': ({ involvedObject }) => involvedObject.name,
  // What is in no namespace says so by an empty one.
  'involvedObject.namespace': () => '',
  'involvedObject.uid': ({ involvedObject }) => involvedObject.uid,
  reason: ({ reason }) => reason,
  type: ({ type }) => type,
  source: ({ source }) => source.component,
};

export const eventKind: Kind<EventObject> = {
  apiVersion: 'v1',
  kind: 'Event',
  list: control => control.events(),
  watch: (control, listener) => control.watchEvents(listener),
  fields: Object.keys(FIELDS),
  field: (object, field) => FIELDS[field]?.(object),
  columns,
};
