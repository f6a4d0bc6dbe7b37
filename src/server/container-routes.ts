import type { Container } from '../api/container.ts';
import { isName } from '../api/name.ts';
import { type Answer, ok, refuse } from './answer.ts';
import { containerKind } from './container-kind.ts';
import { textOr } from './container-text.ts';
import { shape } from './form.ts';
import { includeOf, listOrWatch } from './list-or-watch.ts';
import { CONTAINERS_PATH, type EventList, GROUP_VERSION, VERBS } from './protocol.ts';
import { type Ask, type Face, get, type Route } from './route.ts';
import { onceStarted } from './starting.ts';

export const CONTAINER_PATH = `${CONTAINERS_PATH}/:name`;

/** The containers: list, watch, one, its status, its history, and the verbs as sub-resources. */
export const containerRoutes: readonly Route[] = [
  get(CONTAINERS_PATH, onceStarted(textOr(listOrWatch(containerKind)))),
  get(CONTAINER_PATH, named(getContainer)),
  get(`${CONTAINER_PATH}/status`, named(getContainer)),
  get(`${CONTAINER_PATH}/events`, named(getEvents)),
  post(`${CONTAINER_PATH}/suspend`, ({ name, body }, { control }) => {
    const { forSeconds = null } = Object(body) as { readonly forSeconds?: unknown };
    if (forSeconds === null) return control.suspend(name, null);
    const isSpan = typeof forSeconds === 'number' && forSeconds > 0 && forSeconds <= MAX_SUSPENSION_SEC;
    return isSpan ? control.suspend(name, forSeconds * 1000) : refuse('BadRequest', SUSPENSION_HELP);
  }),
  post(`${CONTAINER_PATH}/resume`, ({ name }, { control }) => control.resume(name)),
  post(`${CONTAINER_PATH}/reconcile`, ({ name }, { control }) => control.reconcile(name)),
  ...VERBS.map(verb =>
    post(`${CONTAINER_PATH}/${verb}`, ({ name }, { control }) => control.request(name, verb)),
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

/** A verb, answered by the container as it is then. */
function post(path: string, act: (ask: Ask, face: Face) => Promise<Container | null> | Answer): Route {
  const answer = named(async (ask, face) => {
    const acted = await act(ask, face);
    if (acted === null) return notFound(ask.name);
    return 'is' in acted ? acted : ok(acted);
  });
  return { method: 'POST', path, bodyBytes: null, answer };
}

const MAX_SUSPENSION_SEC = 366 * 86_400;
const SUSPENSION_HELP = `forSeconds: expected a number of seconds up to ${MAX_SUSPENSION_SEC}`;
