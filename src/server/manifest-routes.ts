import type { ManifestContent } from '../api/manifest-content.ts';
import { isName } from '../api/name.ts';
import { formatProblem } from '../api/problem.ts';
import type { ManifestChange } from '../controller/ports.ts';
import { type Answer, created, ok, refuse } from './answer.ts';
import { apply } from './apply.ts';
import { CONTAINER_PATH, named, notFound } from './container-routes.ts';
import { jsonPatch } from './json-patch.ts';
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH } from './media-types.ts';
import { mergePatch } from './merge-patch.ts';
import {
  CONTAINERS_PATH,
  GROUP_VERSION,
  type RemovedContainer,
  ROOTS_PATH,
  type RootVerdict,
} from './protocol.ts';
import { isTrue, type Query } from './query.ts';
import type { Ask, Face, Route } from './route.ts';
import { objectionToSize } from './size.ts';
import { onceStarted } from './starting.ts';
import { objectOf, parseObject, type WantedObject, writtenObject } from './written-object.ts';

/** Room for a spec and for what kubectl keeps of it in an annotation. */
const BODY_BYTES = 1024 * 1024;

/** Containers made, changed and removed by a request instead of by a file: behind them stands a file all the same. */
export const manifestRoutes: readonly Route[] = [
  { method: 'POST', path: CONTAINERS_PATH, bodyBytes: BODY_BYTES, answer: onceStarted(create) },
  { method: 'PUT', path: CONTAINER_PATH, bodyBytes: BODY_BYTES, answer: named(replace) },
  { method: 'PATCH', path: CONTAINER_PATH, bodyBytes: BODY_BYTES, answer: named(patch) },
  { method: 'DELETE', path: CONTAINER_PATH, bodyBytes: null, answer: named(remove) },
  // It looks at the file system as root.
  { method: 'GET', path: ROOTS_PATH, bodyBytes: null, isRootOnly: true, answer: onceStarted(judgeRoot) },
];

/** Kubernetes' create. `ensureUniqueName` and `allocateAddresses` in the query are ours. */
async function create({ body, query }: Ask, { control }: Face): Promise<Answer> {
  const isDryRun = isDry(query);
  if (isDryRun === null) return refuse('BadRequest', DRY_RUN_HELP);
  const wanted = parseObject(body, null);
  if (typeof wanted === 'string') return refuse('BadRequest', wanted);
  if (!isName(wanted.name))
    return refuse(
      'BadRequest',
      `metadata.name: not a container name (lower-case letters, digits and inner "-", at most 63 characters): ${JSON.stringify(wanted.name)}`,
    );
  const creation = await control.createManifest({
    name: wanted.name,
    ...wanted.content,
    ensureUniqueName: isTrue(query.ensureUniqueName),
    allocateAddresses: isTrue(query.allocateAddresses),
    isDryRun,
  });
  if (creation.is !== 'created') return refuseWriting(creation);
  const { name, content, file } = creation;
  return created(writtenObject(name, content, control.get(name), file));
}

/** Kubernetes' update: the manifest says what the body says. */
function replace(ask: Ask, face: Face): Promise<Answer> {
  const wanted = parseObject(ask.body, ask.name);
  if (typeof wanted === 'string') return Promise.resolve(refuse('BadRequest', wanted));
  const change: ManifestChange = before => (before === null ? unknown(ask.name) : wanted.content);
  return write(ask, face, change, wanted);
}

function patch(ask: Ask, face: Face): Promise<Answer> {
  const { contentType, body, name } = ask;
  const objection = objectionToSize(body);
  if (objection !== null) return Promise.resolve(refuse('BadRequest', objection));
  switch (contentType) {
    case MERGE_PATCH:
      return writePatched(ask, face, object => ({ value: mergePatch(object, body) }));
    case JSON_PATCH:
      return writePatched(ask, face, object => jsonPatch(object, body));
    case APPLY_PATCH:
      return applyPatch(ask, face);
    default:
      return Promise.resolve(
        refuse(
          'UnsupportedMediaType',
          `${name}: a patch is one of ${MERGE_PATCH}, ${JSON_PATCH}, ${APPLY_PATCH} (kubectl patch --type=merge)`,
        ),
      );
  }
}

/** The patch is of the object as it is at the moment of writing. */
function writePatched(
  ask: Ask,
  face: Face,
  patched: (object: object) => { readonly value: unknown } | string,
): Promise<Answer> {
  const { name } = ask;
  const { resourceVersion, uid } = Object(Object(ask.body).metadata) as Record<string, unknown>;
  const seen = {
    expectedVersion: typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : null,
    uid: typeof uid === 'string' ? uid : null,
  };
  const change: ManifestChange = before => {
    if (before === null) return unknown(name);
    const result = patched(objectOf(name, before));
    if (typeof result === 'string') return { is: 'invalid', message: result };
    const wanted = parseObject(result.value, name);
    return typeof wanted === 'string' ? { is: 'invalid', message: wanted } : wanted.content;
  };
  return write(ask, face, change, seen);
}

function applyPatch(ask: Ask, face: Face): Promise<Answer> {
  const { name, query, body } = ask;
  const wanted = parseObject(body, name);
  if (typeof wanted === 'string') return Promise.resolve(refuse('BadRequest', wanted));
  const manager = query.fieldManager;
  if (typeof manager !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(manager))
    return Promise.resolve(refuse('BadRequest', 'fieldManager: expected who applies, up to 128 characters'));
  const change: ManifestChange = before => {
    const applied = apply(before, wanted.content, manager, isTrue(query.force));
    if (!('conflicts' in applied)) return applied;
    const message = `conflicts with what others applied (force takes it over): ${applied.conflicts.join('; ')}`;
    return { is: 'conflict', message };
  };
  return write(ask, face, change, wanted);
}

async function write(
  { name, query }: Ask,
  { control }: Face,
  change: ManifestChange,
  { expectedVersion, uid }: Pick<WantedObject, 'expectedVersion' | 'uid'>,
): Promise<Answer> {
  const isDryRun = isDry(query);
  if (isDryRun === null) return refuse('BadRequest', DRY_RUN_HELP);
  const known = control.get(name);
  if (uid !== null && known !== null && uid !== known.metadata.uid)
    return refuse('Conflict', `${name} is another container than the one with uid ${uid}`);
  const writing = await control.writeManifest(name, change, { expectedVersion, isDryRun });
  if (writing.is !== 'written') return refuseWriting(writing);
  const { content, file, isNew } = writing;
  const object = writtenObject(name, content, control.get(name), file);
  return isNew ? created(object) : ok(object);
}

/** Kubernetes' delete, with its `dryRun=All`: removes the manifest, and with it goes the container; never the root. */
async function remove({ name, query, body }: Ask, { control }: Face): Promise<Answer> {
  const wantsDryRun = Object(body).dryRun;
  const isDryRun = isDry(wantsDryRun === undefined ? query : { dryRun: wantsDryRun as Query[string] });
  if (isDryRun === null) return refuse('BadRequest', DRY_RUN_HELP);
  const known = control.get(name);
  const { resourceVersion, uid } = Object(Object(body).preconditions) as Record<string, unknown>;
  if (known !== null && uid !== undefined && uid !== known.metadata.uid)
    return refuse('Conflict', `${name} is another container than the one with uid ${String(uid)}`);
  if (known !== null && resourceVersion !== undefined && resourceVersion !== known.metadata.resourceVersion)
    return refuse('Conflict', `${name} has changed since version ${String(resourceVersion)}`);
  const removal = await control.removeManifest(name, { isDryRun, isOwnOnly: isTrue(query.ownOnly) });
  if (removal.is === 'unknown') return notFound(name);
  if (removal.is === 'refused') return refuse('Conflict', removal.message);
  const { file, root } = removal;
  const object: RemovedContainer = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name,
      group: GROUP_VERSION.split('/')[0] ?? '',
      kind: 'containers',
      uid: known?.metadata.uid ?? '',
    },
    file,
    root,
  };
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
const DRY_RUN_HELP = 'dryRun: only All';

function refuseWriting(
  writing: Exclude<Awaited<ReturnType<Face['control']['writeManifest']>>, { readonly is: 'written' }>,
): Answer {
  switch (writing.is) {
    case 'invalid':
      return refuse('Invalid', writing.problems.map(formatProblem).join('\n'));
    case 'taken':
      return refuse('AlreadyExists', writing.message);
    case 'refused':
      return refuse('Conflict', writing.message);
    case 'objected': {
      const { is, message } = writing.objection;
      return refuse(is === 'unknown' ? 'NotFound' : is === 'conflict' ? 'Conflict' : 'Invalid', message);
    }
  }
}

function unknown(name: string): Exclude<ReturnType<ManifestChange>, ManifestContent> {
  return { is: 'unknown', message: `containers.nspawnd.io "${name}" not found` };
}

/** Null: something that is not known. */
function isDry({ dryRun }: Query): boolean | null {
  const value = Array.isArray(dryRun) && dryRun.length === 1 ? dryRun[0] : dryRun;
  return value === undefined ? false : value === 'All' ? true : null;
}
