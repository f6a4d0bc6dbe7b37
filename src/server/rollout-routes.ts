import { formatProblem } from '../api/problem.ts';
import { type Answer, ok, refuse } from './answer.ts';
import { CONTAINER_PATH, named, notFound } from './container-routes.ts';
import { type ContainerRollout, GROUP_VERSION, type RevisionList } from './protocol.ts';
import type { Ask, Face, Route } from './route.ts';

/** The specs that a container has had, as sub-resources. */
export const rolloutRoutes: readonly Route[] = [
  { method: 'GET', path: `${CONTAINER_PATH}/revisions`, bodyBytes: null, answer: named(getRevisions) },
  { method: 'POST', path: `${CONTAINER_PATH}/undo`, bodyBytes: null, answer: named(postUndo) },
  { method: 'POST', path: `${CONTAINER_PATH}/retry`, bodyBytes: null, answer: named(postRetry) },
];

function getRevisions({ name }: Ask, { control }: Face): Answer {
  if (control.get(name) === null) return notFound(name);
  const items = control.revisions(name) ?? [];
  const list: RevisionList = { kind: 'RevisionList', apiVersion: GROUP_VERSION, metadata: {}, items };
  return ok(list);
}

async function postUndo({ name, body }: Ask, { control }: Face): Promise<Answer> {
  const { toRevision = null } = Object(body) as { readonly toRevision?: unknown };
  const isNumber = typeof toRevision === 'number' && Number.isSafeInteger(toRevision) && toRevision > 0;
  if (toRevision !== null && !isNumber)
    return refuse('BadRequest', 'toRevision: expected the number of a revision');
  return toAnswer(name, await control.undo(name, isNumber ? toRevision : null));
}

async function postRetry({ name }: Ask, { control }: Face): Promise<Answer> {
  return toAnswer(name, await control.retry(name));
}

function toAnswer(name: string, answer: Awaited<ReturnType<Face['control']['undo']>>): Answer {
  if (answer === null) return notFound(name);
  switch (answer.is) {
    case 'refused':
      return refuse('Conflict', answer.message);
    case 'invalid':
      return refuse('Invalid', answer.problems.map(formatProblem).join('\n'));
    case 'done': {
      const { specHash, file } = answer;
      const rollout: ContainerRollout = {
        kind: 'ContainerRollout',
        apiVersion: GROUP_VERSION,
        specHash,
        ...(file === null ? {} : { file }),
      };
      return ok(rollout);
    }
  }
}
