import { API_VERSION, type JsonObject, KIND } from './manifest.ts';
import type { ManifestContent } from './manifest-content.ts';

/** A manifest as a person would write it: nothing in it that is empty. */
export function manifestObject(name: string, content: ManifestContent): JsonObject {
  const metadata = { name, ...writtenMetadata(content) };
  return { apiVersion: API_VERSION, kind: KIND, metadata, spec: content.spec };
}

export function writtenMetadata({
  labels,
  annotations,
}: Pick<ManifestContent, 'labels' | 'annotations'>): Partial<
  Pick<ManifestContent, 'labels' | 'annotations'>
> {
  return {
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}
