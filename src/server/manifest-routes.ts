import { isName } from '../api/name.ts';
import { formatProblem } from '../api/problem.ts';
import type { Draft } from '../controller/ports.ts';
import { type Answer, created, ok, refuse } from './answer.ts';
import { CONTAINER_PATH, named, notFound } from './container-routes.ts';
import { isObject } from './is-object.ts';
import {
  CONTAINERS_PATH,
  type CreatedContainer,
  GROUP_VERSION,
  type RemovedContainer,
  ROOTS_PATH,
  type RootVerdict,
} from './protocol.ts';
import { isTrue } from './query.ts';
import type { Ask, Face, Route } from './route.ts';
import { onceStarted } from './starting.ts';

/** Containers made and removed by a request instead of by a file: behind them stands a file all the same. */
export const manifestRoutes: readonly Route[] = [
  { method: 'POST', path: CONTAINERS_PATH, bodyBytes: 256 * 1024, answer: onceStarted(create) },
  { method: 'DELETE', path: CONTAINER_PATH, bodyBytes: null, answer: named(remove) },
  { method: 'GET', path: ROOTS_PATH, bodyBytes: null, answer: onceStarted(judgeRoot) },
];

/** Kubernetes' create. `ensureUniqueName` and `allocateAddresses` in the query are ours. */
async function create(ask: Ask, { control }: Face): Promise<Answer> {
  const draft = parseDraft(ask);
  if (typeof draft === 'string') return refuse('BadRequest', draft);
  const creation = await control.createManifest(draft);
  switch (creation.is) {
    case 'created': {
      const { name, file, spec } = creation;
      const object: CreatedContainer = {
        kind: 'CreatedContainer',
        apiVersion: GROUP_VERSION,
        name,
        file,
        spec,
      };
      return created(object);
    }
    case 'invalid':
      return refuse('Invalid', creation.problems.map(formatProblem).join('\n'));
    case 'taken':
      return refuse('AlreadyExists', creation.message);
    case 'refused':
      return refuse('Conflict', creation.message);
  }
}

/** Kubernetes' delete, with its `dryRun=All`: removes the manifest, and with it goes the container; never the root. */
async function remove({ name, query }: Ask, { control }: Face): Promise<Answer> {
  if (query.dryRun !== undefined && query.dryRun !== 'All') return refuse('BadRequest', 'dryRun: only All');
  const removal = await control.removeManifest(name, query.dryRun === 'All');
  if (removal.is === 'unknown') return notFound(name);
  if (removal.is === 'refused') return refuse('Conflict', removal.message);
  const { file, root } = removal;
  const object: RemovedContainer = { kind: 'RemovedContainer', apiVersion: GROUP_VERSION, name, file, root };
  return ok(object);
}

async function judgeRoot({ query }: Ask, { control }: Face): Promise<Answer> {
  const { path, except = '' } = query;
  if (typeof path !== 'string' || !path.startsWith('/') || path.length > MAX_PATH_LENGTH)
    return refuse('BadRequest', 'path: expected an absolute path');
  if (typeof except !== 'string') return refuse('BadRequest', 'except: expected one name');
  const objection = await control.rootObjection(path, except);
  const object: RootVerdict = { kind: 'RootVerdict', apiVersion: GROUP_VERSION, path, objection };
  return ok(object);
}

const MAX_PATH_LENGTH = 4096;

/** A string says what is wrong; what is in the spec is judged by whoever judges manifests. */
function parseDraft({ body, query }: Ask): Draft | string {
  if (!isObject(body)) return 'expected a container: {apiVersion, kind, metadata, spec}';
  const { apiVersion = GROUP_VERSION, kind = 'Container', metadata, spec } = body;
  if (apiVersion !== GROUP_VERSION || kind !== 'Container') return `expected a Container of ${GROUP_VERSION}`;
  const { name, labels = {} } = isObject(metadata) ? metadata : {};
  if (typeof name !== 'string' || !isName(name))
    return `metadata.name: not a container name (lower-case letters, digits and inner "-", at most 63 characters): ${JSON.stringify(name)}`;
  if (!isObject(labels) || Object.values(labels).some(value => typeof value !== 'string'))
    return 'metadata.labels: expected a mapping of text to text';
  if (!isObject(spec)) return 'spec: expected a mapping';
  return {
    name,
    labels: labels as Draft['labels'],
    spec: spec as Draft['spec'],
    ensureUniqueName: isTrue(query.ensureUniqueName),
    allocateAddresses: isTrue(query.allocateAddresses),
  };
}
