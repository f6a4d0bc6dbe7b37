import { API_VERSION, type JsonObject, KIND, type Manifest, type Place } from '../api/manifest.ts';
import { judgeManifest } from '../api/manifest-issue.ts';
import { specHash } from '../api/spec-hash.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { fromRolloutRecord, toRolloutRecord } from './rollout-record.ts';
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
    ...(version.rollout === undefined
      ? {}
      : { rollout: toRolloutRecord(version.rollout, manifest?.specHash ?? null) }),
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
    const place = { file: safeText(file ?? ''), line: line as number };
    manifest = toManifest({ name, labels, annotations }, written as JsonObject, place);
    if (manifest === null) return null;
  }
  if (manifest === null && removedAt === null) return null;
  const rollout = fromRolloutRecord(record.rollout, manifest?.written ?? null);
  return {
    name,
    file,
    manifest,
    generation: generation as number,
    createdAt,
    removedAt,
    ...(rollout === null ? {} : { rollout }),
  };
}

/** A spec that was kept, judged by today's schema; null: it is none any more. */
export function toManifest(
  of: { readonly name: string; readonly labels: unknown; readonly annotations: unknown },
  written: JsonObject,
  place: Place,
): Manifest | null {
  const { name, labels, annotations } = of;
  const metadata = { name, labels, annotations };
  const { fields } = judgeManifest({ apiVersion: API_VERSION, kind: KIND, metadata, spec: written });
  if (fields === null) return null;
  return {
    name,
    labels: fields.metadata.labels,
    annotations: fields.metadata.annotations,
    spec: fields.spec,
    written,
    specHash: specHash(written),
    place,
  };
}

const FORMAT = 1;
