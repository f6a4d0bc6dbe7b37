import { type Answer, ok, refuse } from './answer.ts';
import { CONTAINER_PATH, named, notFound } from './container-routes.ts';
import { type ContainerUpdate, type GenerationList, GROUP_VERSION } from './protocol.ts';
import type { Ask, Face, Route } from './route.ts';

/** What only a container has whose system is made by Nix, as sub-resources. */
export const nixRoutes: readonly Route[] = [
  { method: 'GET', path: `${CONTAINER_PATH}/generations`, bodyBytes: null, answer: named(getGenerations) },
  { method: 'POST', path: `${CONTAINER_PATH}/update`, bodyBytes: null, answer: named(postUpdate) },
  { method: 'POST', path: `${CONTAINER_PATH}/rollback`, bodyBytes: null, answer: named(postRollback) },
];

async function getGenerations({ name }: Ask, { control }: Face): Promise<Answer> {
  const items = await control.generations(name);
  if (items === null) return notFound(name);
  const list: GenerationList = {
    kind: 'GenerationList',
    apiVersion: GROUP_VERSION,
    metadata: {},
    items,
  };
  return ok(list);
}

async function postUpdate({ name, body }: Ask, { control }: Face): Promise<Answer> {
  const { mode = 'build' } = fieldsOf(body);
  if (mode !== 'build' && mode !== 'switch') return refuse('BadRequest', 'mode: expected build or switch');
  return toAnswer(name, await control.update(name, { mode }));
}

async function postRollback({ name, body }: Ask, { control }: Face): Promise<Answer> {
  const { to = null } = fieldsOf(body);
  const isNumber = typeof to === 'number' && Number.isSafeInteger(to) && to > 0;
  if (to !== null && !isNumber) return refuse('BadRequest', 'to: expected the number of a generation');
  return toAnswer(name, await control.update(name, { mode: 'rollback', to }));
}

function toAnswer(name: string, answer: Awaited<ReturnType<Face['control']['update']>>): Answer {
  if (answer === null) return notFound(name);
  if (!answer.isAccepted) return refuse('Conflict', answer.because);
  const { requestedAt, generation } = answer;
  const update: ContainerUpdate = {
    kind: 'ContainerUpdate',
    apiVersion: GROUP_VERSION,
    requestedAt,
    ...(generation === null ? {} : { generation }),
  };
  return ok(update);
}

function fieldsOf(body: unknown): { readonly mode?: unknown; readonly to?: unknown } {
  return typeof body === 'object' && body !== null ? body : {};
}
