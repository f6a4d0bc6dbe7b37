import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../api/manifest.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import type { Admitted } from './contender.ts';
import { afterAcceptance, NO_ROLLOUT, rolloutOf } from './rollout.ts';

/** What is to be kept of a name after this verdict; the same object when nothing about it is new. */
export function acceptedBy(
  { origin, manifest, document }: Admitted,
  version: AcceptedVersion | null,
  nowText: string,
): AcceptedVersion | null {
  if (origin === 'document' && manifest !== null)
    return nextVersion(version, manifest, document?.file ?? null, nowText);
  const isRefused = version?.rollout?.refused?.specHash === document?.manifest?.specHash;
  return version !== null && isRefused && document?.manifest != null
    ? besidesSpec(version, document.manifest, document.file)
    : version;
}

/** The version that accepting this manifest makes. */
function nextVersion(
  version: AcceptedVersion | null,
  manifest: Manifest,
  file: string | null,
  nowText: string,
): AcceptedVersion {
  const isNew = version === null || version.removedAt !== null;
  const rollout = afterAcceptance(isNew ? NO_ROLLOUT : rolloutOf(version), manifest, nowText);
  if (version === null)
    return {
      name: manifest.name,
      file,
      manifest,
      generation: 1,
      createdAt: nowText,
      removedAt: null,
      rollout,
    };
  const before = version.manifest;
  const isSpecSame = before?.specHash === manifest.specHash;
  const isSame =
    isSpecSame &&
    version.removedAt === null &&
    version.rollout?.refused == null &&
    version.file === file &&
    before.place.line === manifest.place.line &&
    isDeepStrictEqual(before.labels, manifest.labels) &&
    isDeepStrictEqual(before.annotations, manifest.annotations);
  if (isSame) return version;
  return {
    name: manifest.name,
    file,
    manifest,
    generation: isSpecSame ? version.generation : version.generation + 1,
    createdAt: version.createdAt,
    removedAt: null,
    rollout,
  };
}

/** Of a manifest whose spec was tried in vain, all but the spec is in force: where it is, and what it says of itself. */
function besidesSpec(version: AcceptedVersion, said: Manifest, file: string): AcceptedVersion {
  const { manifest } = version;
  if (manifest === null) return version;
  const { labels, annotations, place } = said;
  const next = { ...manifest, labels, annotations, place };
  const isSame = version.file === file && isDeepStrictEqual(manifest, next);
  return isSame ? version : { ...version, file, manifest: next };
}
