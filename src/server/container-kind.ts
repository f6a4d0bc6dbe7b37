import type { Container } from '../api/container.ts';
import { API_VERSION, KIND } from '../api/manifest.ts';
import { CONTAINER_COLUMNS } from '../view/container-columns.ts';
import type { Column, Kind } from './kind.ts';

/** The columns of `nspawnctl get`, for clients that ask for a table and paint it themselves. */
const columns: readonly Column<Container>[] = CONTAINER_COLUMNS.map(column => ({
  ...column,
  cell: (container, now) => {
    const cell = column.cell(container, now);
    return typeof cell === 'object' ? cell.text : cell;
  },
}));

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
