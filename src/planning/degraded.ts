import type { ConditionFact } from '../api/condition.ts';
import type { Manifest } from '../api/manifest.ts';
import type { Observed } from './observed.ts';
import { hasBooted } from './run-state.ts';

/** The guest has booted, but not all of it runs, by its own systemd's word. */
export function degradedFacts(manifest: Manifest, observed: Observed): readonly ConditionFact[] {
  const { failedUnits } = observed;
  if (failedUnits === null || failedUnits.names.length === 0 || !hasBooted(manifest, observed)) return [];
  const { names, more } = failedUnits;
  const message = `failed in the guest: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return [{ type: 'Degraded', status: 'True', reason: 'UnitsFailed', message }];
}
