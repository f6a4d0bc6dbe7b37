import { type Container, MANIFEST_ANNOTATION } from './container.ts';
import type { JsonObject } from './manifest.ts';

/** What a client may say of a container; everything else of the object is ours to say. */
export interface ManifestContent {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** As it is to be written, without defaults. */
  readonly spec: JsonObject;
}

/** What of an object its manifest says. */
export function contentOf({ metadata, spec }: Container): ManifestContent {
  return { labels: metadata.labels ?? {}, annotations: withoutPlace(metadata.annotations ?? {}), spec };
}

/** Our own word on where the manifest stands comes back with every object that was read first, and is in no manifest. */
export function withoutPlace(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { [MANIFEST_ANNOTATION]: _place, ...written } = annotations;
  return written;
}

/** Annotations with which a manifest says who applied which of its fields: this, and who. */
export const OWNER_PREFIX = 'nspawnd.io/applied-by.';
