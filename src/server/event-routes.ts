import type { Selector } from '../api/selector.ts';
import { type Answer, ok, refuse } from './answer.ts';
import { eventKind } from './event-kind.ts';
import { shape } from './form.ts';
import { includeOf, listOrWatch } from './list-or-watch.ts';
import { EVENTS_PATH } from './protocol.ts';
import { type Ask, type Face, get, type Route } from './route.ts';
import { onceStarted } from './starting.ts';

const NAMESPACED_PATH = '/api/v1/namespaces/:namespace/events';

/** The history of all containers as Kubernetes' core events, which is where its clients look for it. */
export const eventRoutes: readonly Route[] = [
  get(EVENTS_PATH, onceStarted(listOrWatch(eventKind))),
  get(NAMESPACED_PATH, onceStarted(listOrWatch(eventKind, inNamespace))),
  get(`${NAMESPACED_PATH}/:name`, onceStarted(getEvent)),
];

function inNamespace({ namespace }: Ask): Selector {
  return [{ key: 'metadata.namespace', is: 'in', values: [namespace] }];
}

function getEvent(ask: Ask, { control }: Face): Answer {
  const event = eventKind
    .list(control)
    .find(({ metadata }) => metadata.namespace === ask.namespace && metadata.name === ask.name);
  if (event === undefined) return refuse('NotFound', `events ${JSON.stringify(ask.name)} not found`);
  return ok(shape(eventKind, event, ask.form, includeOf(ask.query) ?? 'Metadata', Date.now()));
}
