import {
  isSelected,
  labelIn,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
} from '../api/selector.ts';
import type { ApiObject, Kind } from './kind.ts';
import type { Query } from './query.ts';

/** Which objects of a kind a client asks for. */
export interface Selection {
  readonly labels: Selector;
  readonly fields: Selector;
}

/** Reads both selectors of a query; a string says what is wrong: a selector that is ignored is a wrong answer that looks right. */
export function parseSelection<T extends ApiObject>(query: Query, kind: Kind<T>): Selection | string {
  const { labelSelector = '', fieldSelector = '' } = query;
  if (typeof labelSelector !== 'string' || typeof fieldSelector !== 'string')
    return 'a selector is given more than once';
  const labels = parseLabelSelector(labelSelector);
  if (typeof labels === 'string') return `labelSelector: ${labels}`;
  const fields = parseFieldSelector(fieldSelector, kind.fields);
  if (typeof fields === 'string') return `fieldSelector: ${fields}`;
  return { labels, fields };
}

export function isWanted<T extends ApiObject>(
  kind: Kind<T>,
  object: T,
  { labels, fields }: Selection,
): boolean {
  return (
    isSelected(labels, key => labelIn(object.metadata.labels, key)) &&
    isSelected(fields, key => kind.field(object, key))
  );
}
