import { isDeepStrictEqual } from 'node:util';
import { findCondition } from '../api/condition.ts';
import type { Container } from '../api/container.ts';
import { contentOf, type ManifestContent } from '../api/manifest-content.ts';
import type { ManifestChange } from './ports.ts';

/** A person may have saved the file since: what the client saw is old then, also while its version is the newest there is. */
export function unlessEdited(change: ManifestChange, name: string, seen: Container | null): ManifestChange {
  // One that is not valid differs from what is in force until it is mended.
  if (seen === null || findCondition(seen.status.conditions, 'ManifestValid')?.status !== 'True')
    return change;
  return before => {
    if (before === null || saysTheSame(seen, before)) return change(before);
    const message = `the manifest of ${name} was just edited: read it again, and change that`;
    return { is: 'conflict', message };
  };
}

/** Whether an object is of a manifest that says this. */
export function saysTheSame(object: Container, content: ManifestContent): boolean {
  return isDeepStrictEqual(contentOf(object), content);
}
