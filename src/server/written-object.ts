import { type Container, MANIFEST_ANNOTATION } from '../api/container.ts';
import { isMapping } from '../api/is-mapping.ts';
import type { JsonObject } from '../api/manifest.ts';
import { type ManifestContent, withoutPlace } from '../api/manifest-content.ts';
import { GROUP_VERSION } from './protocol.ts';
import { objectionToSize } from './size.ts';

/** What a client wants written, and what it says it has seen. */
export interface WantedObject {
  readonly content: ManifestContent;
  readonly expectedVersion: string | null;
  readonly uid: string | null;
}

/** Reads an object from a client; a string says what is wrong. What is in the spec is judged by whoever judges manifests. */
export function parseObject(body: unknown, name: string | null): (WantedObject & { name: string }) | string {
  const objection = objectionToSize(body);
  if (objection !== null) return objection;
  if (!isMapping(body)) return 'expected a container: {apiVersion, kind, metadata, spec}';
  const { apiVersion = GROUP_VERSION, kind = 'Container', metadata, spec } = body;
  if (apiVersion !== GROUP_VERSION || kind !== 'Container') return `expected a Container of ${GROUP_VERSION}`;
  const fields = isMapping(metadata) ? metadata : {};
  const { name: given = name, labels = {}, annotations = {}, resourceVersion, uid } = fields;
  if (typeof given !== 'string') return 'metadata.name: expected the name of the container';
  if (name !== null && given !== name)
    return `metadata.name: a container cannot be renamed to ${quote(given)}`;
  if (!isTexts(labels)) return 'metadata.labels: expected a mapping of text to text';
  if (!isTexts(annotations)) return 'metadata.annotations: expected a mapping of text to text';
  if (!isMapping(spec)) return 'spec: expected a mapping';
  return {
    name: given,
    content: { labels, annotations: withoutPlace(annotations), spec: spec as JsonObject },
    expectedVersion: typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : null,
    uid: typeof uid === 'string' && uid !== '' ? uid : null,
  };
}

/** The object of a content, as a patch sees it. */
export function objectOf(name: string, { labels, annotations, spec }: ManifestContent): object {
  return { apiVersion: GROUP_VERSION, kind: 'Container', metadata: { name, labels, annotations }, spec };
}

/** What a client is shown of what it wrote, before (or without) anything having come of it. */
export function writtenObject(
  name: string,
  { labels, annotations, spec }: ManifestContent,
  known: Container | null,
  file: string,
): Pick<Container, 'apiVersion' | 'kind' | 'spec'> & { readonly metadata: object } {
  const place = known?.metadata.annotations?.[MANIFEST_ANNOTATION] ?? `${file}:1`;
  return {
    ...(known ?? { apiVersion: GROUP_VERSION, kind: 'Container' }),
    metadata: {
      ...known?.metadata,
      name,
      labels,
      annotations: { ...annotations, [MANIFEST_ANNOTATION]: place },
    },
    spec,
  };
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isMapping(value) && Object.values(value).every(text => typeof text === 'string');
}

function quote(value: unknown): string {
  return JSON.stringify(value).slice(0, 200);
}
