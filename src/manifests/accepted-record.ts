import { API_VERSION, type JsonObject, KIND, type Manifest } from '../api/manifest.ts';
import { judgeManifest } from '../api/manifest-issue.ts';
import { specHash } from '../api/spec-hash.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { safeText } from './safe-text.ts';

/** An accepted version as the text of its file. The spec is kept as written, so that a newer nspawnd reads it anew. */
export function toRecord(version: AcceptedVersion): string {
  const { name, file, manifest, generation, createdAt, removedAt } = version;
  const record = {
    format: FORMAT,
    name,
    file,
    line: manifest?.place.line ?? 1,
    written: manifest?.written ?? null,
    labels: manifest?.labels ?? {},
    annotations: manifest?.annotations ?? {},
    specHash: manifest?.specHash ?? null,
    generation,
    createdAt,
    removedAt,
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** Reads what `toRecord` wrote and judges it by today's schema; null for anything else. */
export function fromRecord(name: string, text: string): AcceptedVersion | null {
  let record: Partial<Record<string, unknown>>;
  try {
    record = JSON.parse(text);
  } catch {
    return null;
  }
  if (record === null || typeof record !== 'object') return null;
  const { format, file, line, written, labels, annotations, generation, createdAt, removedAt } = record;
  const isRight =
    format === FORMAT &&
    record.name === name &&
    (file === null || typeof file === 'string') &&
    Number.isSafeInteger(line) &&
    Number.isSafeInteger(generation) &&
    typeof createdAt === 'string' &&
    (removedAt === null || typeof removedAt === 'string');
  if (!isRight) return null;

  let manifest: Manifest | null = null;
  if (written !== null) {
    const value = {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name, labels, annotations },
      spec: written,
    };
    const { fields } = judgeManifest(value);
    if (fields === null) return null;
    manifest = {
      name,
      labels: fields.metadata.labels,
      annotations: fields.metadata.annotations,
      spec: fields.spec,
      written: written as JsonObject,
      specHash: specHash(written as JsonObject),
      place: { file: safeText(file ?? ''), line: line as number },
    };
  }
  if (manifest === null && removedAt === null) return null;
  return { name, file, manifest, generation: generation as number, createdAt, removedAt };
}

const FORMAT = 1;
