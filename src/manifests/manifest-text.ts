import { isDeepStrictEqual } from 'node:util';
import { Document, parseDocument } from 'yaml';
import { isMapping } from '../api/is-mapping.ts';
import type { ManifestContent } from '../api/manifest-content.ts';
import { manifestObject, writtenMetadata } from '../api/manifest-object.ts';
import { SCHEMA_LINE } from '../api/schema-line.ts';

/** A manifest as a file of our own making holds it. */
export function manifestText(name: string, content: ManifestContent): string {
  const document = new Document(manifestObject(name, content), { aliasDuplicateObjects: false });
  document.commentBefore = `${SCHEMA_LINE}\n Made by nspawnd for whoever asked. Edit it as you like; nspawnctl delete ${name} removes it.`;
  return document.toString({ lineWidth: 0 });
}

/**
 * The text of a file with one manifest, with only those values touched that change: a person's comments and order stay. Throws
 * where the change goes through an anchor.
 */
export function editedText(
  file: string,
  text: string,
  before: ManifestContent,
  after: ManifestContent,
): string {
  if (file.endsWith('.json')) return editedJson(text, after);
  const document = parseDocument(text, {
    stringKeys: true,
    resolveKnownTags: false,
    logLevel: 'silent',
    prettyErrors: false,
  });
  edit(document, ['metadata', 'labels'], before.labels, after.labels);
  edit(document, ['metadata', 'annotations'], before.annotations, after.annotations);
  edit(document, ['spec'], before.spec, after.spec);
  return document.toString({ lineWidth: 0 });
}

function editedJson(text: string, { spec, ...metadata }: ManifestContent): string {
  const value = JSON.parse(text) as { readonly metadata?: object };
  const { labels: _labels, annotations: _annotations, ...rest } = Object(value.metadata);
  const edited = { ...value, metadata: { ...rest, ...writtenMetadata(metadata) }, spec };
  return `${JSON.stringify(edited, null, 2)}\n`;
}

function edit(document: Document, path: readonly string[], before: unknown, after: unknown): void {
  if (isDeepStrictEqual(before, after)) return;
  const isMending = isMapping(before) && isMapping(after) && Object.keys(after).length > 0;
  if (!isMending || !document.hasIn(path)) {
    const isGone = after === undefined || (isMapping(after) && Object.keys(after).length === 0);
    if (isGone && path[0] !== 'spec') document.deleteIn(path);
    else document.setIn(path, document.createNode(after, { aliasDuplicateObjects: false }));
    return;
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (Object.hasOwn(after, key)) edit(document, [...path, key], ownValue(before, key), after[key]);
    else document.deleteIn([...path, key]);
  }
}

function ownValue(mapping: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}
