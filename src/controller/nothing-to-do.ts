import { formerUnit } from '../api/adopted.ts';
import type { Manifest } from '../api/manifest.ts';
import { isNixMade } from '../api/nix-source.ts';
import type { Observed } from '../planning/observed.ts';
import type { Plan } from '../planning/plan.ts';

/**
 * A container that runs as it is wanted, and of which all that matters can be seen at a glance: it has no interfaces of the
 * host, no system that Nix makes, and no unit in which it ran before.
 */
export function isNothingToDo(
  plan: Plan,
  { name, spec, annotations }: Manifest,
  observed: Observed,
): boolean {
  const { unit, machine, process } = observed;
  const isRunning =
    unit.activeState === 'active' &&
    process !== null &&
    machine?.isRegistered === true &&
    machine.isLeaderAlive;
  return (
    isRunning &&
    plan.steps.length === 0 &&
    plan.waitingFor === null &&
    plan.stalled === null &&
    spec.macvlans.length === 0 &&
    spec.interfaces.length === 0 &&
    !isNixMade(spec) &&
    formerUnit(name, annotations) === null
  );
}
