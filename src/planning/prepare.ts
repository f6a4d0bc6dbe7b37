import type { Manifest } from '../api/manifest.ts';
import { keepSystems } from './kept-systems.ts';
import { usableSystem } from './nix.ts';
import type { Observed } from './observed.ts';
import { hasGuestHosts } from './render/nspawn-argv.ts';
import { type UnitPaths, unitText } from './render/unit.ts';
import { isSandboxGone, isSandboxUsed, lastRun, sandboxDrift, surplusDevices } from './sandbox.ts';
import { type SandboxSpec, type Step, step } from './step.ts';

/** The steps before a start: what is dead is cleaned up, what a start needs is made. None are left when all is as desired. */

/** Origin: `machinectl terminate`, `ip link del`; here only what is provably dead and ours. */
export function cleanUp(observed: Observed): readonly Step[] {
  const { unit, unitFile, machine } = observed;
  const steps: Step[] = [];
  const isOurs = unit.fragmentPath === unitFile.path && unitFile.owner !== 'foreign';
  if (unit.activeState === 'failed' && isOurs) {
    steps.push(step('resetFailed', {}, 'a failed unit keeps its old definition loaded'));
  }
  if (machine !== null && !machine.isLeaderAlive) {
    steps.push(step('terminateMachine', { leader: machine.leader }, 'its registration outlived it'));
  }
  for (const path of observed.leftoverCopies) {
    steps.push(step('removeCopy', { path }, 'a killed ephemeral guest left it behind'));
  }
  return steps;
}

/** Everything a start needs, also for `systemctl start` by hand. In this order. */
export function prepareLaunch(
  manifest: Manifest,
  sandbox: SandboxSpec | null,
  observed: Observed,
  paths: UnitPaths,
): readonly Step[] {
  const { spec } = manifest;
  const { root, fifo, unitFile } = observed;
  const steps: Step[] = [];
  if (root.missing.length > 0) {
    steps.push(
      step('prepareRoot', { root: spec.root, missing: root.missing }, `missing: ${root.missing.join(', ')}`),
    );
  }
  if (spec.readiness === 'fifo' && (!fifo.exists || !fifo.isListening || fifo.startedInvocationId !== '')) {
    steps.push(step('createFifo', {}, 'readiness: fifo'));
  }
  if (spec.readiness !== 'fifo' && fifo.exists) steps.push(step('removeFifo', {}, 'it is no longer used'));
  steps.push(...prepareSandbox(sandbox, observed));
  if (hasGuestHosts(manifest) && observed.guestHosts === 'absent') {
    steps.push(step('writeGuestHosts', { root: spec.root }, 'the guest is to know the others by name'));
  }
  if (observed.nix === null && observed.hasNixLeftovers)
    steps.push(step('removeNix', {}, 'its root is no longer made by Nix'));
  steps.push(...keepSystems(observed));
  const text = unitText(manifest, observed.host, paths, usableSystem(observed));
  if (unitFile.text !== text) {
    steps.push(
      step('writeUnit', { text }, unitFile.owner === 'none' ? 'there is no unit' : 'the unit differs'),
    );
  }
  return steps;
}

/** A guest that has ended has no use for the host's interfaces: they go back, also when nothing else can be done. */
export function returnInterfaces({ sandbox }: Observed): readonly Step[] {
  const names = sandbox.lent.map(({ name }) => name);
  return names.length === 0 ? [] : [step('removeSandbox', {}, `the host gets ${names.join(', ')} back`)];
}

function prepareSandbox(sandbox: SandboxSpec | null, observed: Observed): readonly Step[] {
  if (sandbox === null) {
    const { builtAfter, lent } = observed.sandbox;
    const isOurs =
      (builtAfter !== null || lent.length > 0) && !isSandboxGone(observed.name, observed.sandbox);
    return isOurs ? [step('removeSandbox', {}, 'it has no network of its own')] : [];
  }
  const surplus = surplusDevices(sandbox, observed.sandbox);
  if (isSandboxUsed(observed) || surplus.length > 0) {
    const because = surplus.length > 0 ? surplus.join(', ') : 'the last run may have changed it';
    return [
      step('removeSandbox', {}, because),
      step('buildSandbox', { sandbox, keepNamespace: false, after: lastRun(observed) }, because),
    ];
  }
  const drift = sandboxDrift(sandbox, observed.sandbox);
  return drift.length === 0
    ? []
    : [step('buildSandbox', { sandbox, keepNamespace: false, after: lastRun(observed) }, drift.join(', '))];
}
