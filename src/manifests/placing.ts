import type { Manifest } from '../api/manifest.ts';
import { type Claim, isThrowaway } from './claims.ts';
import type { World } from './contender.ts';
import { problemAt, problemOf, showPlace } from './document.ts';
import { compareEntrants, demote, type Entrant, manifestOf, placeOf } from './entrant.ts';
import { RootTable } from './root-table.ts';

/** Gives every entrant its place in turn; `again` when somebody had to give one back. */
export function placeAll(entrants: readonly Entrant[], claimsIn: ClaimsIn, world: World): 'done' | 'again' {
  const takers = new Map<string, Shelf>();
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
      const taker = { entrant, claim };
      const shelf = takers.get(claim.key) ?? { first: taker, firstExclusive: null };
      takers.set(claim.key, shelf);
      if (claim.isExclusive) shelf.firstExclusive ??= taker;
    }
    roots.add(world.realRoot(manifest.spec.root), isThrowaway(manifest), entrant);
  }
  return 'done';
}

export type ClaimsIn = (manifest: Manifest) => readonly Claim[];

interface Taker {
  readonly entrant: Entrant;
  readonly claim: Claim;
}

/** Who has one thing. Thousands may share it; whoever comes next meets only the first that stands in the way. */
interface Shelf {
  readonly first: Taker;
  firstExclusive: Taker | null;
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
  takers: ReadonlyMap<string, Shelf>,
  roots: RootTable<Entrant>,
  world: World,
): readonly Meeting[] {
  const meetings: Meeting[] = [];
  for (const claim of claims) {
    const shelf = takers.get(claim.key);
    const met = claim.isExclusive ? shelf?.first : shelf?.firstExclusive;
    if (met == null || met.entrant === entrant) continue;
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
      if (taken.noun === 'interfaces') return `its link would be called ${wanted.value}, which ${winner} has`;
      return `its link would be called ${wanted.value}, like that of ${winner}`;
    case 'interfaces':
    case 'macvlans':
      return taken.noun === 'link'
        ? `${taken.value} is the link of ${winner}`
        : `${taken.value} is in ${taken.noun} of ${winner}`;
    case 'root':
      return wanted.value === taken.value
        ? `${wanted.value} is the root of ${winner}; only ephemeral or volatile containers can share one`
        : `${wanted.value} overlaps ${taken.value}, the root of ${winner}`;
    default:
      return `${wanted.value} is the ${taken.noun} of ${winner}`;
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
