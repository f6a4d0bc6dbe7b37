import { formerUnit } from '../api/adopted.ts';
import { unitName } from '../api/container.ts';
import type { Manifest } from '../api/manifest.ts';
import type { Observed, UnitFacts } from './observed.ts';
import { type RunState, runState } from './run-state.ts';

/** A guest that somebody else's unit runs, and that counts as this container because its manifest says so. */
export interface AdoptedRun {
  readonly unit: string;
  readonly state: Exclude<RunState, 'down'>;
}

/** Null while there is none: what is not ours, and not named in the manifest, is never taken for ours. */
export function adoptedRun(manifest: Manifest, observed: Observed): AdoptedRun | null {
  const unit = formerUnit(manifest.name, manifest.annotations);
  if (unit === null) return null;
  const own = runState(observed.unit);
  if (unit === unitName(manifest.name)) {
    return own !== 'down' && isForeignRun(observed) ? { unit, state: own } : null;
  }
  const { former } = observed;
  const state = former === null || former.unit !== unit ? 'down' : runState(former);
  return own === 'down' && state !== 'down' ? { unit, state } : null;
}

/** The unit's definition is one for every container, such as NixOS has: a unit of this name goes before it. */
export function isTemplate({ fragmentPath }: Pick<UnitFacts, 'fragmentPath'>): boolean {
  return fragmentPath.endsWith('/container@.service');
}

function isForeignRun({ unit, unitFile, process }: Observed): boolean {
  return process === null && unit.fragmentPath !== '' && unit.fragmentPath !== unitFile.path;
}
