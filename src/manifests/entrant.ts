import type { Manifest } from '../api/manifest.ts';
import type { Problem } from '../api/problem.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import type { Contender, Objection, World } from './contender.ts';
import { type ParsedDocument, problemOf, showPlace } from './document.ts';
import { objectionsOfHost, objectionToRoots } from './host-objections.ts';
import { comparePlaces, type DocumentPlace, rankDocuments } from './rank-documents.ts';

/** A contender while the places are given out. */
export interface Entrant {
  readonly name: string;
  readonly isLeaving: boolean;
  readonly document: ParsedDocument | null;
  readonly accepted: AcceptedVersion | null;
  readonly objections: Objection[];
  /** The last good version may be fallen back on. */
  readonly isLastUsable: boolean;
  standing: 'document' | 'accepted' | 'none';
  waitsFor: string | null;
}

/** With its best document, and everything that stands against it by itself. */
export function enter(contender: Contender, world: World): Entrant {
  const { name, accepted, isLeaving } = contender;
  const [document = null, ...others] = rankDocuments(contender);
  const objections: Objection[] = [];
  const object = (to: ParsedDocument, problems: readonly Problem[]) =>
    objections.push(...problems.map(problem => ({ document: to, problem })));
  if (document !== null) object(document, document.problems);
  for (const other of others) {
    const kept = document === null ? '' : showPlace(document);
    object(other, other.problems);
    object(other, [
      problemOf(other, 'metadata.name', `"${name}" is also declared at ${kept}, which keeps the name`),
    ]);
  }
  const byHost = document === null || isLeaving ? [] : objectionsOfHost(document, accepted, world);
  if (document !== null) object(document, byHost);

  const last = accepted?.manifest ?? null;
  const isLastUsable = last !== null && (isLeaving || objectionToRoots(last, world) === null);
  // What was tried in vain is not tried again, as long as there is something else.
  const isRefused = isLastUsable && accepted?.rollout?.refused?.specHash === document?.manifest?.specHash;
  const isDocumentUsable = document?.manifest != null && byHost.length === 0 && !isLeaving && !isRefused;
  return {
    name,
    isLeaving,
    document,
    accepted,
    objections,
    isLastUsable,
    standing: isDocumentUsable ? 'document' : isLastUsable ? 'accepted' : 'none',
    waitsFor: null,
  };
}

/** For people. */
export function placeOf({ document, accepted }: Entrant): { readonly file: string; readonly line: number } {
  return document ?? { file: accepted?.file ?? '', line: accepted?.manifest?.place.line ?? 1 };
}

/** From the newest text to the last good version, and from there to nothing. */
export function demote(entrant: Entrant): Entrant['standing'] {
  entrant.standing = entrant.standing === 'document' && entrant.isLastUsable ? 'accepted' : 'none';
  return entrant.standing;
}

/** Leaving, last good, unchanged, changed, new; then by place, so that the order of the input does not matter. */
export function compareEntrants(a: Entrant, b: Entrant): number {
  const order = seniority(a) - seniority(b);
  if (order !== 0) return order;
  const placeOrder = comparePlaces(placeInOrder(a), placeInOrder(b));
  return placeOrder !== 0 ? placeOrder : a.name < b.name ? -1 : 1;
}

function placeInOrder({ document, accepted }: Entrant): DocumentPlace {
  return document ?? { file: accepted?.file ?? '', index: 0 };
}

function seniority(entrant: Entrant): number {
  if (entrant.isLeaving) return 0;
  if (entrant.standing !== 'document') return 1;
  const last = entrant.accepted?.manifest;
  if (last == null) return 4;
  return last.specHash === entrant.document?.manifest?.specHash ? 2 : 3;
}

/** What is in force while it stands as it does. */
export function manifestOf(entrant: Entrant): Manifest | null {
  switch (entrant.standing) {
    case 'document':
      return entrant.document?.manifest ?? null;
    case 'accepted':
      return entrant.accepted?.manifest ?? null;
    case 'none':
      return null;
  }
}
