import { isMapping } from '../api/is-mapping.ts';
import { KIND } from '../api/manifest.ts';
import { type JsonSchema, manifestJsonSchema } from '../api/manifest-schema.ts';
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH } from './media-types.ts';
import { API_PATH, CONTAINERS_PATH, GROUP_VERSION } from './protocol.ts';

const [group = '', version = ''] = GROUP_VERSION.split('/');
const GROUP_VERSION_KIND = { group, version, kind: KIND };
const CONTAINER = `io.nspawnd.${version}.Container`;
const LIST = `${CONTAINER}List`;

/** What `/openapi/v3` lists: one document for each group and version. */
export function openApiIndex(hash: string): object {
  return { paths: { [API_PATH.slice(1)]: { serverRelativeURL: `/openapi/v3${API_PATH}?hash=${hash}` } } };
}

/** OpenAPI 3.0 of our group, made from the schema of the manifests: what `kubectl explain`, `apply` and editors ask for. */
export function openApiDocument(productVersion: string): object {
  return {
    openapi: '3.0.0',
    info: { title: 'nspawnd', version: productVersion },
    paths: {
      [CONTAINERS_PATH]: {
        get: operation('list', 'Containers, or with watch=1 every change of them', LIST, QUERY_LIST),
        post: operation('post', 'Writes the manifest of a new container', CONTAINER, QUERY_WRITE, [
          'application/json',
        ]),
      },
      [`${CONTAINERS_PATH}/{name}`]: {
        parameters: [{ name: 'name', in: 'path', required: true, schema: { type: 'string' } }],
        get: operation('get', 'One container', CONTAINER, []),
        put: operation('put', 'Makes its manifest say what the body says', CONTAINER, QUERY_WRITE, [
          'application/json',
        ]),
        patch: operation(
          'patch',
          'Changes its manifest',
          CONTAINER,
          [...QUERY_WRITE, query('force', 'boolean', 'Takes over what other managers applied.')],
          [MERGE_PATCH, JSON_PATCH, APPLY_PATCH],
        ),
        delete: operation(
          'delete',
          'Removes its manifest; the container goes, its root stays',
          CONTAINER,
          QUERY_WRITE,
        ),
      },
    },
    components: { schemas: { [CONTAINER]: containerSchema(), [LIST]: LIST_SCHEMA } },
  };
}

function operation(
  action: string,
  description: string,
  answer: string,
  parameters: readonly object[],
  bodies: readonly string[] = [],
): object {
  const schema = { $ref: `#/components/schemas/${answer}` };
  return {
    description,
    operationId: `${action}Container`,
    parameters,
    ...(bodies.length === 0
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(bodies.map(type => [type, { schema: { type: 'object' } }])),
          },
        }),
    responses: { '200': { description: 'OK', content: { 'application/json': { schema } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': GROUP_VERSION_KIND,
  };
}

function query(name: string, type: string, description: string): object {
  return { name, in: 'query', description, schema: { type } };
}

const QUERY_LIST = [
  query('watch', 'boolean', 'Tell every change from resourceVersion on.'),
  query('resourceVersion', 'string', 'Where a watch begins.'),
  query('labelSelector', 'string', 'Such as tier=front.'),
  query('fieldSelector', 'string', 'Such as status.phase=Running.'),
  query('timeoutSeconds', 'integer', 'How long a watch lasts.'),
];

/** Unknown fields are refused whatever `fieldValidation` says; that it is here tells clients that they need not look. */
const QUERY_WRITE = [
  query('dryRun', 'string', 'All: only say what would be.'),
  query('fieldManager', 'string', 'Who writes.'),
  query('fieldValidation', 'string', 'Always Strict.'),
];

function containerSchema(): object {
  const { $schema: _schema, title: _title, properties = {}, ...manifest } = manifestJsonSchema();
  const { metadata = {}, ...others } = properties;
  return toOpenApi({
    ...manifest,
    description: 'A system container of systemd-nspawn: its manifest, and how it is.',
    properties: {
      ...others,
      // Clients bring back what they were given.
      metadata: { ...metadata, additionalProperties: true },
      status: STATUS_SCHEMA,
    },
    additionalProperties: undefined,
    'x-kubernetes-group-version-kind': [GROUP_VERSION_KIND],
  });
}

/** JSON Schema in the words that OpenAPI 3.0 has; the rest of it is left out. */
function toOpenApi(schema: unknown): object {
  if (!isMapping(schema)) return {};
  const { examples, const: only, propertyNames: _names, dependencies: _dependencies, ...others } = schema;
  const rest = withOldBounds(others);
  const { properties, items, additionalProperties, anyOf } = rest as JsonSchema;
  // That one of several fields must be there is no type, and clients that look for one are led astray.
  const types = anyOf?.filter(choice => choice.type !== undefined || choice.enum !== undefined);
  return {
    ...Object.fromEntries(
      Object.entries(rest).filter(([key, value]) => key !== 'anyOf' && value !== undefined),
    ),
    ...(Array.isArray(examples) && examples.length > 0 ? { example: examples[0] } : {}),
    ...(only === undefined ? {} : { enum: [only] }),
    ...(types === undefined || types.length === 0
      ? {}
      : { 'x-kubernetes-int-or-string': true, anyOf: types.map(toOpenApi) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, value]) => [key, toOpenApi(value)]),
          ),
        }),
    ...(items === undefined ? {} : { items: toOpenApi(items) }),
    ...(isMapping(additionalProperties) ? { additionalProperties: toOpenApi(additionalProperties) } : {}),
  };
}

/** An exclusive bound was a number with a flag beside it. */
function withOldBounds(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { exclusiveMinimum: minimum, exclusiveMaximum: maximum, ...rest } = schema;
  return {
    ...rest,
    ...(minimum === undefined ? {} : { minimum, exclusiveMinimum: true }),
    ...(maximum === undefined ? {} : { maximum, exclusiveMaximum: true }),
  };
}

const text = (description: string) => ({ type: 'string', description });

const STATUS_SCHEMA = {
  type: 'object',
  description: 'How the container is. Written by nspawnd alone.',
  properties: {
    observedGeneration: { type: 'integer', description: 'The generation of the spec that this is about.' },
    phase: text('What it is doing, in a word: Running, Starting, BackOff, ...'),
    conditions: {
      type: 'array',
      description:
        'What is true of it and why: Ready, ManifestValid, RootReady, NetworkReady, Running, and, only when something is the matter, Reconciling, Stalled, CrashLooping, RestartRequired, PruneBlocked and others.',
      items: {
        type: 'object',
        properties: {
          type: text('What the condition is about.'),
          status: text('True, False or Unknown.'),
          reason: text('Why, in one word that does not change.'),
          message: text('Why, in words, and what to do.'),
          lastTransitionTime: text('When the status last changed.'),
          observedGeneration: {
            type: 'integer',
            description: 'The generation of the spec that this is about.',
          },
        },
      },
    },
    restarts: { type: 'integer', description: 'How often it was started again after an end, since boot.' },
    waitingFor: text('What is waited for.'),
    nextRetryTime: text('When the next try is due.'),
    startedAt: text('When the running guest became active.'),
    leader: { type: 'integer', description: 'PID 1 of the guest, seen from the host.' },
    addresses: { type: 'array', description: 'Its addresses.', items: { type: 'string' } },
    rollout: {
      type: 'object',
      description: 'How far it is on the way to the spec of its manifest.',
      properties: {
        revision: { type: 'integer', description: 'Of the spec in force.' },
        state: text('Progressing, Complete or RolledBack.'),
      },
    },
    unit: text('Its unit on the host.'),
  },
};

const LIST_SCHEMA = {
  type: 'object',
  description: 'Containers.',
  required: ['items'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object', properties: { resourceVersion: { type: 'string' } } },
    items: { type: 'array', items: { $ref: `#/components/schemas/${CONTAINER}` } },
  },
  'x-kubernetes-group-version-kind': [{ ...GROUP_VERSION_KIND, kind: `${KIND}List` }],
};
