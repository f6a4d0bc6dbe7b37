import { Document } from 'yaml';
import { API_VERSION, type JsonObject, KIND } from '../api/manifest.ts';
import { SCHEMA_LINE } from '../api/schema-line.ts';

/** A manifest as a file of our own making holds it. */
export function manifestText(
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: JsonObject,
): string {
  const hasLabels = Object.keys(labels).length > 0;
  const metadata = hasLabels ? { name, labels } : { name };
  const document = new Document(
    { apiVersion: API_VERSION, kind: KIND, metadata, spec },
    { aliasDuplicateObjects: false },
  );
  document.commentBefore = `${SCHEMA_LINE}\n Made by nspawnctl create. Edit it as you like; nspawnctl destroy ${name} removes it.`;
  return document.toString({ lineWidth: 0 });
}
