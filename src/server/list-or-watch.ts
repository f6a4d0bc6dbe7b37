import type { Selector } from '../api/selector.ts';
import { type Answer, ok, refuse } from './answer.ts';
import { type Include, shapeList } from './form.ts';
import type { ApiObject, Kind } from './kind.ts';
import { isTrue, type Query } from './query.ts';
import type { Ask, Face } from './route.ts';
import { isWanted, parseSelection } from './selection.ts';
import { parseWatchRequest } from './watch-request.ts';

/** Kubernetes' list, and with `watch=1` its watch, of one kind; `within` is what the path itself selects. */
export function listOrWatch<T extends ApiObject>(kind: Kind<T>, within: (ask: Ask) => Selector = () => []) {
  return (ask: Ask, { control }: Face): Answer => {
    const { query, form } = ask;
    const selected = parseSelection(query, kind);
    if (typeof selected === 'string') return refuse('BadRequest', selected);
    const selection = { ...selected, fields: [...selected.fields, ...within(ask)] };
    const include = includeOf(query);
    if (include === null) return refuse('BadRequest', 'includeObject: None, Metadata or Object');
    if (isTrue(query.watch)) {
      const watch = parseWatchRequest(query, selection, form, include);
      return typeof watch === 'string'
        ? refuse('BadRequest', watch)
        : { is: 'watch', kind: kind.kind, watch };
    }
    const items = kind.list(control).filter(object => isWanted(kind, object, selection));
    return ok(shapeList(kind, items, control.resourceVersion(), form, include, Date.now()));
  };
}

/** What of each object comes with a table's row; null: something that is not known. */
export function includeOf({ includeObject = 'Metadata' }: Query): Include | null {
  return includeObject === 'None' || includeObject === 'Metadata' || includeObject === 'Object'
    ? includeObject
    : null;
}
