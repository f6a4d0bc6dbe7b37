import { isName } from '../api/name.ts';
import { type Answer, ok, refuse } from './answer.ts';
import { containerKind } from './container-kind.ts';
import { shape } from './form.ts';
import { includeOf, listOrWatch } from './list-or-watch.ts';
import { CONTAINERS_PATH, type EventList, GROUP_VERSION, VERBS } from './protocol.ts';
import type { Ask, Face, Route } from './route.ts';
import { onceStarted } from './starting.ts';

export const CONTAINER_PATH = `${CONTAINERS_PATH}/:name`;

/** The containers: list, watch, one, its status, its history, and the verbs as sub-resources. */
export const containerRoutes: readonly Route[] = [
  get(CONTAINERS_PATH, onceStarted(listOrWatch(containerKind))),
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

function getContainer({ name, form, query }: Ask, { control }: Face): Answer {
  const container = control.get(name);
  if (container === null) return notFound(name);
  return ok(shape(containerKind, container, form, includeOf(query) ?? 'Metadata', Date.now()));
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
