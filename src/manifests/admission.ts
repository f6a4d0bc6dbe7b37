import type { Manifest } from '../api/manifest.ts';
import type { Problem } from '../api/problem.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import { type Claim, type ClaimWorld, claimsOf, isThrowaway } from './claims.ts';
import { type ParsedDocument, problemAt, problemOf, showPlace } from './document.ts';
import { objectionToName } from './name-rules.ts';
import { objectionToRoot } from './root-rules.ts';
import { RootTable } from './root-table.ts';

/**
 * Judges manifests against each other and against the host: which version of which name is in force. Pure, and
 * independent of the order of its input. Looks at the whole desired set at once, so two containers may swap addresses.
 *
 * Architecture invariant: whoever already has something keeps it. A newcomer is refused, and one who wants to change
 * into what another has keeps its last good version.
 */
export function admit(contenders: readonly Contender[], world: World): ReadonlyMap<string, Admitted> {
  const claims = new Map<Manifest, readonly Claim[]>();
  const claimsIn: ClaimsIn = manifest => {
    const known = claims.get(manifest) ?? claimsOf(manifest, world);
    claims.set(manifest, known);
    return known;
  };
  const entrants = contenders.map(contender => enter(contender, world));
  // Each round that does not end it demotes somebody for good, so it ends.
  while (placeAll(entrants, claimsIn, world) === 'again');
  return new Map(entrants.map(entrant => [entrant.name, toAdmitted(entrant)]));
}

/** One name, with all that is known of it. */
export interface Contender {
  readonly name: string;
  /** Every document with this name; empty where its last good version is in force without one. */
  readonly documents: readonly ParsedDocument[];
  readonly accepted: AcceptedVersion | null;
  /** On its way out: still has what it had, and others wait for it. */
  readonly isLeaving: boolean;
}

export interface World extends ClaimWorld {
  readonly hostName: string;
  /** Real path of a root, as far as it exists. */
  readonly realRoot: (root: string) => string;
  /** Real paths of the manifests and the state directory. */
  readonly reservedDirectories: readonly string[];
}

export interface Admitted {
  /** In force; null: none. */
  readonly manifest: Manifest | null;
  /** Where it comes from: the directory's newest text, or the last good version. */
  readonly origin: 'document' | 'accepted' | 'none';
  readonly document: ParsedDocument | null;
  readonly objections: readonly Objection[];
  /** Who has to go first, in words; null when nobody. */
  readonly waitsFor: string | null;
}

export interface Objection {
  /** Whose problem it is; null where the last good version has it. */
  readonly document: ParsedDocument | null;
  readonly problem: Problem;
}

type ClaimsIn = (manifest: Manifest) => readonly Claim[];

/** A contender while the places are given out. */
interface Entrant {
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

function enter(contender: Contender, world: World): Entrant {
  const { name, accepted, isLeaving } = contender;
  const [document = null, ...others] = rank(contender);
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
  const byHost = document === null || isLeaving ? [] : objectionsTo(document, accepted, world);
  if (document !== null) object(document, byHost);

  const last = accepted?.manifest ?? null;
  const isLastUsable = last !== null && (isLeaving || objectionToRoots(last, world) === null);
  const isDocumentUsable = document?.manifest != null && byHost.length === 0 && !isLeaving;
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

/**
 * Documents of one name, the one that keeps it first: what is in force as it is, then the file it was accepted from, then
 * the valid, then the earlier place.
 */
function rank({ documents, accepted }: Contender): readonly ParsedDocument[] {
  const badness = (document: ParsedDocument): number => {
    const isSame =
      accepted?.manifest != null && document.manifest?.specHash === accepted.manifest.specHash ? 0 : 1;
    const isFromFile = accepted !== null && accepted.file === document.file ? 0 : 2;
    const isValid = document.manifest !== null ? 0 : 1;
    // A new text in the old file beats an old text in a new file; see "renaming changes nothing" for the rest.
    return (isFromFile + isSame) * 2 + isValid;
  };
  return [...documents].sort((a, b) => badness(a) - badness(b) || comparePlaces(a, b));
}

type DocumentPlace = Pick<ParsedDocument, 'file' | 'index'>;

function comparePlaces(a: DocumentPlace, b: DocumentPlace): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.index - b.index;
}

/** What the host says against a document, whoever else there is. */
function objectionsTo(
  document: ParsedDocument,
  accepted: AcceptedVersion | null,
  world: World,
): readonly Problem[] {
  const { manifest } = document;
  if (manifest === null) return [];
  const problems: Problem[] = [];
  const name = objectionToName(manifest.name, world.hostName);
  if (name !== null) problems.push(problemOf(document, 'metadata.name', name));
  const root = objectionToRoots(manifest, world);
  if (root !== null) problems.push(problemOf(document, 'spec.root', root));
  for (const field of ['localAddress', 'localAddress6'] as const) {
    const address = manifest.spec[field];
    const isHostsOwn = address !== undefined && world.hostAddresses.has(address);
    if (isHostsOwn && manifest.spec.privateNetwork && accepted?.manifest?.spec[field] !== address)
      problems.push(problemOf(document, `spec.${field}`, `${address} is an address of this host itself`));
  }
  return problems;
}

function objectionToRoots(manifest: Manifest, world: World): string | null {
  const { root } = manifest.spec;
  const real = world.realRoot(root);
  const objection = objectionToRoot(root, world.reservedDirectories);
  if (objection !== null || real === root) return objection;
  const behind = objectionToRoot(real, world.reservedDirectories);
  return behind === null ? null : `leads to another place: ${behind}`;
}

/** Gives every entrant its place in turn; `again` when somebody had to give one back. */
function placeAll(entrants: readonly Entrant[], claimsIn: ClaimsIn, world: World): 'done' | 'again' {
  const takers = new Map<string, Taker[]>();
  const roots = new RootTable<Entrant>();
  for (const entrant of [...entrants].sort(compareEntrants)) {
    const manifest = manifestOf(entrant);
    if (manifest === null) continue;
    const claims = claimsIn(manifest);
    const meetings = entrant.isLeaving ? [] : findMeetings(entrant, manifest, claims, takers, roots, world);
    const lost = meetings.filter(meeting => !isEntrantStronger(entrant, meeting, claimsIn, world));
    if (lost.length > 0) {
      for (const meeting of lost) refuse(entrant, meeting.mine, meeting.taker, meeting.theirs);
      if (demote(entrant) === 'accepted') return 'again';
      continue;
    }
    for (const meeting of meetings) {
      refuse(meeting.taker, meeting.theirs, entrant, meeting.mine);
      demote(meeting.taker);
    }
    if (meetings.length > 0) return 'again';
    for (const claim of claims) {
      const shelf = takers.get(claim.key) ?? [];
      takers.set(claim.key, shelf);
      shelf.push({ entrant, claim });
    }
    roots.add(world.realRoot(manifest.spec.root), isThrowaway(manifest), entrant);
  }
  return 'done';
}

interface Taker {
  readonly entrant: Entrant;
  readonly claim: Claim;
}

/** Two who want the same. */
interface Meeting {
  readonly taker: Entrant;
  readonly mine: Claim;
  readonly theirs: Claim;
  readonly myKey: string;
  readonly theirKey: string;
}

function findMeetings(
  entrant: Entrant,
  manifest: Manifest,
  claims: readonly Claim[],
  takers: ReadonlyMap<string, readonly Taker[]>,
  roots: RootTable<Entrant>,
  world: World,
): readonly Meeting[] {
  const meetings: Meeting[] = [];
  for (const claim of claims) {
    const met = takers.get(claim.key)?.find(taker => taker.claim.isExclusive || claim.isExclusive);
    if (met === undefined || met.entrant === entrant) continue;
    meetings.push({
      taker: met.entrant,
      mine: claim,
      theirs: met.claim,
      myKey: heldKey(claim),
      theirKey: heldKey(met.claim),
    });
  }
  const neighbour = roots.find(world.realRoot(manifest.spec.root), isThrowaway(manifest));
  const neighbourManifest = neighbour === null ? null : manifestOf(neighbour);
  if (neighbour !== null && neighbourManifest !== null) {
    meetings.push({
      taker: neighbour,
      mine: rootClaim(manifest),
      theirs: rootClaim(neighbourManifest),
      myKey: rootKey(manifest, world),
      theirKey: rootKey(neighbourManifest, world),
    });
  }
  return meetings;
}

/** Who came first has it, unless only the later one already had it before. */
function isEntrantStronger(entrant: Entrant, meeting: Meeting, claimsIn: ClaimsIn, world: World): boolean {
  const { taker, myKey, theirKey } = meeting;
  return (
    !taker.isLeaving && hasHeld(entrant, myKey, claimsIn, world) && !hasHeld(taker, theirKey, claimsIn, world)
  );
}

/** By its last good version. */
function hasHeld({ accepted }: Entrant, key: string, claimsIn: ClaimsIn, world: World): boolean {
  const last = accepted?.manifest ?? null;
  return (
    last !== null && (rootKey(last, world) === key || claimsIn(last).some(claim => heldKey(claim) === key))
  );
}

function refuse(loser: Entrant, wanted: Claim, winner: Entrant, taken: Claim): void {
  if (winner.isLeaving) {
    loser.waitsFor = `waits until "${winner.name}" is gone, whose ${taken.noun} is ${taken.value}`;
    return;
  }
  const message = explain(wanted, taken, `"${winner.name}" (${showPlace(placeOf(winner))})`);
  const problem =
    loser.document === null
      ? problemAt(placeOf(loser).file, { line: placeOf(loser).line, column: 1 }, wanted.field, message)
      : problemOf(loser.document, wanted.field, message);
  const isKnown = loser.objections.some(
    ({ problem: known }) => known.field === problem.field && known.message === problem.message,
  );
  if (!isKnown) loser.objections.push({ document: loser.document, problem });
}

function explain(wanted: Claim, taken: Claim, winner: string): string {
  switch (wanted.noun) {
    case 'link':
      return `its link would be called ${wanted.value}, like that of ${winner}`;
    case 'root':
      return wanted.value === taken.value
        ? `${wanted.value} is the root of ${winner}; only ephemeral or volatile containers can share one`
        : `${wanted.value} overlaps ${taken.value}, the root of ${winner}`;
    default:
      return `${wanted.value} is the ${taken.noun} of ${winner}`;
  }
}

function placeOf({ document, accepted }: Entrant): { readonly file: string; readonly line: number } {
  return document ?? { file: accepted?.file ?? '', line: accepted?.manifest?.place.line ?? 1 };
}

function demote(entrant: Entrant): Entrant['standing'] {
  entrant.standing = entrant.standing === 'document' && entrant.isLastUsable ? 'accepted' : 'none';
  return entrant.standing;
}

/** Leaving, last good, unchanged, changed, new; then by place, so that the order of the input does not matter. */
function compareEntrants(a: Entrant, b: Entrant): number {
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

function manifestOf(entrant: Entrant): Manifest | null {
  switch (entrant.standing) {
    case 'document':
      return entrant.document?.manifest ?? null;
    case 'accepted':
      return entrant.accepted?.manifest ?? null;
    case 'none':
      return null;
  }
}

function heldKey(claim: Claim): string {
  return `${claim.isExclusive ? 'alone' : 'shared'} ${claim.key}`;
}

function rootKey(manifest: Manifest, world: World): string {
  return `root ${world.realRoot(manifest.spec.root)}`;
}

function rootClaim(manifest: Manifest): Claim {
  return {
    key: '',
    isExclusive: true,
    field: 'spec.root',
    noun: 'root',
    value: JSON.stringify(manifest.spec.root),
  };
}

function toAdmitted(entrant: Entrant): Admitted {
  return {
    manifest: manifestOf(entrant),
    origin: entrant.standing,
    document: entrant.document,
    objections: entrant.objections,
    waitsFor: entrant.waitsFor,
  };
}
