import { isDeepStrictEqual } from 'node:util';
import type { Manifest } from '../api/manifest.ts';
import type { Desired } from '../planning/desired.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { admit } from './admission.ts';
import { claimsOf, isThrowaway } from './claims.ts';
import type { Contender, World } from './contender.ts';
import { type Decision, desiredOf, type Situation } from './decide.ts';
import type { ParsedDocument } from './document.ts';
import { acceptedBy } from './next-version.ts';
import type { FileView, Snapshot } from './snapshot.ts';
import type { View } from './view.ts';

/**
 * What `decide` would come to, for edits that touch nobody but the edited. Among manifests of which none has a problem or
 * waits for another, no two want the same; so whoever goes on wanting what it had is in nobody's way, in whatever order
 * they come, and all others stay as they are. Null where it is not as simple as that. Pure.
 */
export function judgeEdits(edits: readonly Edit[], situation: EditSituation): EditDecision | null {
  const { view, versions, nowText } = situation;
  const { world, status } = view;
  if (status.problems.length > 0 || !view.contenders.every(isAtPeace)) return null;
  const contenders = [...view.contenders];
  const desired = new Map<string, Desired>();
  const keep: AcceptedVersion[] = [];
  for (const { former, now } of edits) {
    if (former.length !== now.length) return null;
    for (const [index, document] of now.entries()) {
      const at = contenders.findIndex(({ documents: [only] }) => only === former[index]);
      const contender = contenders[at];
      const version = contender === undefined ? undefined : versions.get(contender.name);
      if (contender === undefined || version === undefined || version.rollout?.refused != null) return null;
      if (!isSameWish(contender, document, world)) return null;
      const edited: Contender = { ...contender, documents: [document], accepted: version };
      const verdict = admit([edited], world).get(edited.name);
      if (verdict?.origin !== 'document') return null;
      const accepted = acceptedBy(verdict, version, nowText);
      if (accepted === null) return null;
      if (accepted !== version) keep.push(accepted);
      contenders[at] = { ...edited, accepted };
      desired.set(edited.name, desiredOf(verdict, accepted, []));
    }
  }
  return { desired, keep, contenders };
}

/** Of one file: what stood in it, and what stands in it. */
export interface Edit {
  readonly former: readonly ParsedDocument[];
  readonly now: readonly ParsedDocument[];
}

export interface EditSituation extends Pick<Situation, 'versions' | 'nowText'> {
  /** Of a scan that left nothing to do. */
  readonly view: View;
}

/** `desired` of the edited alone, `contenders` all of them. */
export type EditDecision = Pick<Decision, 'desired' | 'keep' | 'contenders'>;

/** The files that differ, where all the others are the very same. */
export function editsBetween(former: Snapshot, now: Snapshot): readonly Edit[] {
  const edits: Edit[] = [];
  for (const [index, file] of now.files.entries()) {
    const before = former.files[index];
    if (before === undefined || file === before) continue;
    edits.push({ former: documentsOf(before), now: documentsOf(file) });
  }
  return edits;
}

function documentsOf(file: FileView): readonly ParsedDocument[] {
  return file.is === 'settled' ? file.documents : [];
}

/** Its one document is in force, as far as others have a say in it. */
function isAtPeace({ documents, accepted }: Contender): boolean {
  return documents.length === 1 && accepted !== null;
}

/** It wants of the host, and of others, what it wanted before; and what it wanted before, it has. */
function isSameWish({ name, documents }: Contender, now: ParsedDocument, world: World): boolean {
  const before = documents[0]?.manifest ?? null;
  const { manifest } = now;
  if (now.name !== name || before === null || manifest === null) return false;
  return (
    before.spec.root === manifest.spec.root &&
    isThrowaway(before) === isThrowaway(manifest) &&
    isDeepStrictEqual(before.spec.dependsOn, manifest.spec.dependsOn) &&
    isDeepStrictEqual(wishes(before, world), wishes(manifest, world))
  );
}

function wishes(manifest: Manifest, world: World): readonly string[] {
  return claimsOf(manifest, world).map(({ key, isExclusive }) => `${isExclusive} ${key}`);
}
