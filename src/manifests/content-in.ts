import type { JsonObject } from '../api/manifest.ts';
import type { ManifestContent } from '../api/manifest-content.ts';
import { readYaml } from './yaml.ts';

/** What a file with one manifest says, as written; null where that cannot be read. What is in it is judged elsewhere. */
export function contentIn(text: string): ManifestContent | null {
  const [document, ...more] = readYaml(text).filter(({ isEmpty }) => !isEmpty);
  if (document === undefined || more.length > 0 || document.faults.length > 0) return null;
  const { metadata, spec } = Object(document.value) as {
    readonly metadata?: unknown;
    readonly spec?: unknown;
  };
  const { labels = {}, annotations = {} } = Object(metadata) as Partial<ManifestContent>;
  if (!isMapping(labels) || !isMapping(annotations) || !isMapping(spec)) return null;
  return { labels, annotations, spec: spec as JsonObject };
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
