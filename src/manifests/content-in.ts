import { isMapping } from '../api/is-mapping.ts';
import type { JsonObject } from '../api/manifest.ts';
import type { ManifestContent } from '../api/manifest-content.ts';
import { readYaml } from './yaml.ts';

/** What a file with one manifest, that of `name`, says, as written; null where that is not what is in it. What is in it is judged elsewhere. */
export function contentIn(name: string, text: string): ManifestContent | null {
  const [document, ...more] = readYaml(text).filter(({ isEmpty }) => !isEmpty);
  if (document === undefined || more.length > 0 || document.faults.length > 0) return null;
  const { metadata, spec } = Object(document.value) as {
    readonly metadata?: unknown;
    readonly spec?: unknown;
  };
  const { labels = {}, annotations = {}, ...rest } = Object(metadata) as Partial<ManifestContent>;
  // Another's, since the file was last listed.
  if ((rest as { readonly name?: unknown }).name !== name) return null;
  if (!isMapping(labels) || !isMapping(annotations) || !isMapping(spec)) return null;
  return { labels, annotations, spec: spec as JsonObject };
}
