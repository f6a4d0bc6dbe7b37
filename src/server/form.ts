import type { ApiObject, Kind } from './kind.ts';

/** In which form a client wants objects: Kubernetes' `as=` of the Accept header. */
export type Form = 'object' | 'table' | 'metadata';

/** What of a row's object comes with the row. */
export type Include = 'None' | 'Metadata' | 'Object';

/** The first of the offered forms that there is; unknown ones (protobuf and the like) are passed over, as anything may be JSON. */
export function formOf(accept: string | undefined): Form {
  for (const offer of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = offer.split(';').map(part => part.trim());
    if (type !== 'application/json' && type !== 'application/*' && type !== '*/*') continue;
    const as = parameters.find(parameter => parameter.startsWith('as='))?.slice(3);
    if (as === undefined) return 'object';
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
  }
  return 'object';
}

const META = 'meta.k8s.io/v1';

/** One object in the asked form. */
export function shape<T extends ApiObject>(
  kind: Kind<T>,
  object: T,
  form: Form,
  include: Include,
  now: number,
): object {
  if (form === 'table') return table(kind, [object], object.metadata.resourceVersion, include, now);
  return form === 'metadata' ? metadataOf(object) : object;
}

/** A list in the asked form. */
export function shapeList<T extends ApiObject>(
  kind: Kind<T>,
  items: readonly T[],
  resourceVersion: string,
  form: Form,
  include: Include,
  now: number,
): object {
  if (form === 'table') return table(kind, items, resourceVersion, include, now);
  if (form === 'metadata')
    return {
      kind: 'PartialObjectMetadataList',
      apiVersion: META,
      metadata: { resourceVersion },
      items: items.map(metadataOf),
    };
  return { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata: { resourceVersion }, items };
}

/** How far a watch has come, in the asked form. */
export function shapeBookmark(
  kind: Kind,
  resourceVersion: string,
  annotations: Readonly<Record<string, string>> | undefined,
  form: Form,
): object {
  const metadata = annotations === undefined ? { resourceVersion } : { resourceVersion, annotations };
  if (form === 'table') return { ...table(kind, [], resourceVersion, 'None', 0), metadata };
  return form === 'metadata'
    ? { kind: 'PartialObjectMetadata', apiVersion: META, metadata }
    : { kind: kind.kind, apiVersion: kind.apiVersion, metadata };
}

function table<T extends ApiObject>(
  kind: Kind<T>,
  items: readonly T[],
  resourceVersion: string,
  include: Include,
  now: number,
): object {
  return {
    kind: 'Table',
    apiVersion: META,
    metadata: { resourceVersion },
    columnDefinitions: kind.columns.map(({ cell: _cell, ...definition }) => definition),
    rows: items.map(object => ({
      cells: kind.columns.map(column => column.cell(object, now)),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : metadataOf(object) }),
    })),
  };
}

function metadataOf({ metadata }: ApiObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: META, metadata };
}
