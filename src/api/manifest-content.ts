import type { JsonObject } from './manifest.ts';

/** What a client may say of a container; everything else of the object is ours to say. */
export interface ManifestContent {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** As it is to be written, without defaults. */
  readonly spec: JsonObject;
}
