import { isName } from '../api/name.ts';
import { type Answer, ok, refuse } from './answer.ts';
import { CONTAINERS_PATH, type ContainerList, type EventList, GROUP_VERSION, VERBS } from './protocol.ts';
import type { Ask, Face, Route } from './route.ts';
import { onceStarted } from './starting.ts';
import { isTrue, parseWatchRequest, type Query } from './watch-request.ts';

export const CONTAINER_PATH = `${CONTAINERS_PATH}/:name`;

/** The containers: list, watch, one, its status, its history, and the verbs as sub-resources. */
export const containerRoutes: readonly Route[] = [
  get(CONTAINERS_PATH, onceStarted(listOrWatch)),
  get(CONTAINER_PATH, named(getContainer)),
  get(`${CONTAINER_PATH}/status`, named(getContainer)),
  get(`${CONTAINER_PATH}/events`, named(getEvents)),
  ...VERBS.map(
    (verb): Route => ({
      method: 'POST',
      path: `${CONTAINER_PATH}/${verb}`,
      bodyBytes: null,
      answer: named(async ({ name }, { control }) => {
        const container = await control.request(name, verb);
        return container === null ? notFound(name) : ok(container);
      }),
    }),
  ),
];

function listOrWatch({ query }: Ask, { control }: Face): Answer {
  const selected = selectedName(query);
  if (typeof selected === 'string') return refuse('BadRequest', selected);
  if (isTrue(query.watch)) {
    const watch = parseWatchRequest(query, selected.name);
    return typeof watch === 'string' ? refuse('BadRequest', watch) : { is: 'watch', watch };
  }
  const items = control
    .list()
    .filter(({ metadata }) => selected.name === null || metadata.name === selected.name);
  const list: ContainerList = {
    kind: 'ContainerList',
    apiVersion: GROUP_VERSION,
    metadata: { resourceVersion: control.resourceVersion() },
    items,
  };
  return ok(list);
}

function getContainer({ name }: Ask, { control }: Face): Answer {
  const container = control.get(name);
  return container === null ? notFound(name) : ok(container);
}

function getEvents({ name }: Ask, { control }: Face): Answer {
  const detail = control.describe(name);
  if (detail === null) return notFound(name);
  const list: EventList = {
    kind: 'EventList',
    apiVersion: GROUP_VERSION,
    metadata: {},
    items: detail.events,
  };
  return ok(list);
}

/**
 * The one selector there is so far is `metadata.name`. Any other is refused: a selector that is ignored is a wrong
 * answer that looks right.
 */
function selectedName(query: Query): { readonly name: string | null } | string {
  if ((query.labelSelector ?? '') !== '') return 'labelSelector: not supported';
  const field = query.fieldSelector ?? '';
  if (field === '') return { name: null };
  const match = typeof field === 'string' ? /^metadata\.name==?(.+)$/.exec(field) : null;
  const name = match?.[1] ?? '';
  return isName(name) ? { name } : 'fieldSelector: only metadata.name=NAME is supported';
}

export function named(answer: Route['answer']): Route['answer'] {
  return onceStarted((ask, face) =>
    isName(ask.name)
      ? answer(ask, face)
      : refuse('BadRequest', `not a container name: ${JSON.stringify(ask.name)}`),
  );
}

export function notFound(name: string): Answer {
  return refuse('NotFound', `containers.nspawnd.io "${name}" not found`);
}

function get(path: string, answer: Route['answer']): Route {
  return { method: 'GET', path, bodyBytes: null, answer };
}
