import type { Manifest } from '../api/manifest.ts';
import { type Claim, claimsOf } from './claims.ts';
import type { Admitted, Contender, World } from './contender.ts';
import { refuseCycles } from './cycles.ts';
import { type Entrant, enter, manifestOf } from './entrant.ts';
import { type ClaimsIn, placeAll } from './placing.ts';

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
  do refuseCycles(entrants);
  while (placeAll(entrants, claimsIn, world) === 'again');
  return new Map(entrants.map(entrant => [entrant.name, toAdmitted(entrant)]));
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
