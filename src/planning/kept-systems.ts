import { usableSystem } from './nix.ts';
import { switchOfRun } from './nix-switch.ts';
import type { Observed } from './observed.ts';
import { type Step, step } from './step.ts';

/**
 * A guest needs the system that it booted, and the one it was switched to, for as long as it runs; its profile may have
 * moved on meanwhile and its older generations be deleted. So these are kept from Nix' garbage collector by roots of ours.
 */
export function keepSystems(observed: Observed): readonly Step[] {
  const { nix, process, keptSystems } = observed;
  const wanted = new Set<string>();
  const add = (closure: string | null | undefined) => {
    if (closure) wanted.add(closure);
  };
  add(usableSystem(observed)?.closure);
  if (process !== null) {
    // It runs with a system, and its manifest names none any more: what it runs with stays.
    if (nix === null) for (const closure of keptSystems) add(closure);
    add(process.systemPath);
    add(nix?.switchingTo);
    const last = switchOfRun(observed);
    add(last?.closure);
    // Half-way between two systems it may need either.
    if (last !== null && !last.isGood) for (const closure of keptSystems) add(closure);
  }
  const closures = [...wanted].sort();
  const isKept = closures.length === keptSystems.length && keptSystems.every(closure => wanted.has(closure));
  return isKept ? [] : [step('keepSystems', { closures }, 'its system must not be collected while it runs')];
}
