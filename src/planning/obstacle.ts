import { unitName } from '../api/container.ts';
import type { Manifest } from '../api/manifest.ts';
import { isTemplate } from './adopted.ts';
import type { Observed } from './observed.ts';
import { runState } from './run-state.ts';
import { isInSandbox, linkAlias, namespacePath } from './sandbox.ts';
import type { SandboxSpec } from './step.ts';

/** What is in the way of a launch, and that only a change of the host or of the manifest removes. */
export interface Obstacle {
  readonly reason:
    | 'UnitShadowed'
    | 'RootMissing'
    | 'RootNotADirectory'
    | 'RootIsSymlink'
    | 'RootUnsafe'
    | 'ForeignNamespace'
    | 'ForeignLink'
    | 'InterfaceMissing'
    | 'InterfaceUnusable'
    | 'MachineExists';
  readonly message: string;
}

/** The first obstacle, or null. Looked for before anything is changed, and before a running guest is stopped for it. */
export function findObstacle(
  manifest: Manifest,
  sandbox: SandboxSpec | null,
  observed: Observed,
): Obstacle | null {
  return (
    shadowedUnit(observed) ??
    badRoot(manifest, observed) ??
    foreignSandbox(sandbox, observed) ??
    badInterface(sandbox, observed) ??
    foreignMachine(observed)
  );
}

/**
 * Whether the network of a guest that runs has to be left as it is. A root that is gone says nothing of it, and an interface
 * that is missing is not in the way of mending the rest.
 */
export function isMendingHindered(sandbox: SandboxSpec | null, observed: Observed): boolean {
  const obstacle =
    shadowedUnit(observed) ?? foreignSandbox(sandbox, observed) ?? badInterface(sandbox, observed);
  return obstacle !== null && obstacle.reason !== 'InterfaceMissing';
}

/** A mask, or a unit of this name elsewhere, that systemd would run instead of ours. */
export function shadowedUnit({ unit, unitFile, name }: Observed): Obstacle | null {
  const shadow = (message: string): Obstacle => ({ reason: 'UnitShadowed', message });
  if (unitFile.owner === 'foreign') return shadow(`${unitFile.path} was not made by nspawnd; move it away`);
  if (unit.loadState === 'masked')
    return shadow(`${unitName(name)} is masked; run: systemctl unmask ${unitName(name)}`);
  // A template gives way to the unit that we write, but not while it runs.
  const givesWay = isTemplate(unit) && runState(unit) === 'down';
  if (unit.fragmentPath !== '' && unit.fragmentPath !== unitFile.path && !givesWay) {
    return shadow(`systemd takes ${unitName(name)} from ${unit.fragmentPath}; move that file away`);
  }
  return null;
}

/** A unit of exactly this name elsewhere, which systemd would go on running instead of ours. */
export function instanceShadow(observed: Observed): Obstacle | null {
  return isTemplate(observed.unit) ? null : shadowedUnit(observed);
}

export function badRoot(manifest: Manifest, { root }: Observed): Obstacle | null {
  const path = manifest.spec.root;
  switch (root.state) {
    case 'ready':
      return null;
    case 'missing':
      return { reason: 'RootMissing', message: `${path} does not exist; it starts as soon as it does` };
    case 'not-a-directory':
      return { reason: 'RootNotADirectory', message: `${path} is not a directory` };
    case 'symlink':
      return {
        reason: 'RootIsSymlink',
        message: `${path} is a symbolic link; write the path it leads to: ${root.detail}`,
      };
    case 'unsafe':
      return { reason: 'RootUnsafe', message: root.detail };
  }
}

/** Something in the place of its network that is not ours, and that we do not touch. */
export function foreignSandbox(sandbox: SandboxSpec | null, observed: Observed): Obstacle | null {
  if (sandbox === null) return null;
  const { namespace, hostLink } = observed.sandbox;
  if (namespace === 'foreign') {
    const path = namespacePath(observed.name);
    return {
      reason: 'ForeignNamespace',
      message: `${path} was not made by nspawnd; remove it or rename the container`,
    };
  }
  if (sandbox.hasPair && hostLink !== null && hostLink.alias !== linkAlias(observed.name)) {
    return {
      reason: 'ForeignLink',
      message: `the link ${hostLink.name} was not made by nspawnd; remove it (ip link del ${hostLink.name}) or rename the container`,
    };
  }
  return null;
}

/** An interface of the host that is to be given or shared, and cannot be. */
function badInterface(sandbox: SandboxSpec | null, { sandbox: facts }: Observed): Obstacle | null {
  if (sandbox === null) return null;
  const wanted = [...sandbox.macvlans.map(({ parent }) => parent), ...sandbox.interfaces];
  for (const { name, state, detail } of facts.hostInterfaces) {
    if (!wanted.includes(name) || isInSandbox(name, facts)) continue;
    if (state === 'missing')
      return {
        reason: 'InterfaceMissing',
        message: `${detail === '' ? `this host has no network interface ${name}` : detail}; it starts as soon as it can have it`,
      };
    if (state === 'unusable') return { reason: 'InterfaceUnusable', message: detail };
  }
  return null;
}

/** A machine of this name that lives outside our unit. */
function foreignMachine({ machine, name, unit }: Observed): Obstacle | null {
  if (machine === null || !machine.isLeaderAlive || machine.unit === unitName(name)) return null;
  if (runState(unit) !== 'down') return null;
  return {
    reason: 'MachineExists',
    message: `a machine named ${name} already runs in ${machine.unit || 'no unit'}; end it (machinectl terminate ${name}) or rename the container`,
  };
}
