import type { Manifest } from '../api/manifest.ts';
import { fullLinkName, fullMacvlanName, hostLinkName, macvlanName } from './link-name.ts';
import type { LinkFacts, Observed, SandboxFacts } from './observed.ts';
import type { MacvlanSpec, SandboxSpec } from './step.ts';

/** The link inside the guest: the origin renames nspawn's host0 to this; we make it so from the start. */
export const GUEST_LINK = 'eth0';

/** Ownership, written on both ends of the pair. */
export function linkAlias(name: string): string {
  return `nspawnd:${name}`;
}

/** Where `ip netns` keeps the names of namespaces; ip-netns(8). */
export const NAMESPACES = '/run/netns';

export function namespacePath(name: string): string {
  return `${NAMESPACES}/${name}`;
}

/**
 * Both sides of a container's network, as the origin's containerInit and postStart make it, for both families: each side
 * may be given alone. Addresses are /32 and /128, so nothing is on-link by accident.
 */
export function sandboxSpec(manifest: Manifest, facts: SandboxFacts): SandboxSpec {
  const wanted = specs.get(manifest) ?? wantedSandbox(manifest);
  specs.set(manifest, wanted);
  const stale = facts.guard.filter(address => !wanted.guard.includes(address));
  return stale.length === 0 ? wanted : { ...wanted, staleGuestAddresses: stale.map(withPrefix) };
}

/** Asked for in every look at every container with a network of its own. */
const specs = new WeakMap<Manifest, SandboxSpec>();

/** As the manifest has it, whatever is there. */
function wantedSandbox({ name, spec }: Manifest): SandboxSpec {
  const hostLink = hostLinkName(name);
  const hasPair = spec.privateNetwork;
  // Without a link of its own its addresses are only for the hosts file.
  const hosts = hasPair ? [spec.hostAddress, spec.hostAddress6].filter(isGiven) : [];
  const locals = hasPair ? [spec.localAddress, spec.localAddress6].filter(isGiven) : [];
  return {
    hasPair,
    hostLink,
    hostAltName: hostLink === fullLinkName(name) ? null : fullLinkName(name),
    alias: linkAlias(name),
    hostAddresses: hosts.map(withPrefix),
    hostRoutes: locals,
    guestAddresses: locals.map(withPrefix),
    guestRoutes: hosts.flatMap(host => [host, `default via ${host}`]),
    guard: locals,
    staleGuestAddresses: [],
    macvlans: spec.macvlans.map(macvlanSpec),
    interfaces: spec.interfaces,
  };
}

function macvlanSpec(parent: string): MacvlanSpec {
  const [link, full] = [macvlanName(parent), fullMacvlanName(parent)];
  return { parent, link, altName: link === full ? null : full };
}

/** Both ends with their addresses, then what else there is; for people. */
export function sandboxText({
  hasPair,
  hostLink,
  hostAddresses,
  guestAddresses,
  macvlans,
  interfaces,
}: SandboxSpec): string {
  return [
    ...(hasPair ? [`${hostLink} [${hostAddresses.join(' ')}] <-> eth0 [${guestAddresses.join(' ')}]`] : []),
    ...macvlans.map(({ parent, link }) => `${link} on ${parent}`),
    ...(interfaces.length === 0 ? [] : [`with ${interfaces.join(' ')}`]),
  ].join(', ');
}

/** What of the network is not as it has to be, in words; empty when all of it is. */
export function sandboxDrift(spec: SandboxSpec, facts: SandboxFacts): readonly string[] {
  if (facts.namespace !== 'ours')
    return [facts.namespace === 'stale' ? 'the namespace is stale' : 'there is no namespace'];
  return [...pairDrift(spec, facts), ...deviceDrift(spec, facts)];
}

function pairDrift(spec: SandboxSpec, { hostLink, guestLink, guard }: SandboxFacts): readonly string[] {
  if (!spec.hasPair) return [];
  if (hostLink === null || guestLink === null) return ['the veth pair is missing'];
  return [
    ...linkDrift('host', hostLink, spec.hostAddresses, spec.hostRoutes),
    // One that cannot be read is the guest's own doing, and no reason to do anything to it or to stop knowing what else is
    // to be done.
    ...(guestLink === 'unreadable'
      ? []
      : linkDrift('guest', guestLink, spec.guestAddresses, spec.guestRoutes)),
    ...extras('host address', hostLink.addresses, spec.hostAddresses),
    ...extras('host route', hostLink.routes, spec.hostRoutes),
    ...missing('source guard for', spec.guard, guard),
    ...spec.staleGuestAddresses.map(address => `stale guest address ${address}`),
  ];
}

/** Macvlans and interfaces that are not in the namespace and could be. What the guest does with them is its own affair. */
function deviceDrift(spec: SandboxSpec, facts: SandboxFacts): readonly string[] {
  const isThere = (name: string) =>
    facts.hostInterfaces.some(found => found.name === name && found.state === 'present');
  return [
    ...spec.macvlans
      .filter(({ parent }) => isThere(parent) && !facts.macvlans.includes(parent))
      .map(({ parent }) => `there is no macvlan on ${parent}`),
    ...spec.interfaces
      .filter(name => isThere(name) && !isInSandbox(name, facts))
      .map(name => `${name} is not in the sandbox`),
  ];
}

/** What a sandbox that nobody has used yet has and is not to have: it is built anew then. */
export function surplusDevices(spec: SandboxSpec, facts: SandboxFacts): readonly string[] {
  const macvlans = facts.macvlans.filter(parent => !spec.macvlans.some(wanted => wanted.parent === parent));
  const interfaces = facts.lent.map(({ name }) => name).filter(name => !spec.interfaces.includes(name));
  return [
    ...(!spec.hasPair && facts.guestLink !== null ? ['privateNetwork is off'] : []),
    ...macvlans.map(parent => `a macvlan on ${parent} is no longer wanted`),
    ...interfaces.map(name => `the host gets ${name} back`),
  ];
}

export function isInSandbox(name: string, facts: SandboxFacts): boolean {
  return facts.lent.some(lent => lent.name === name && lent.place === 'sandbox');
}

/** The sandbox as it can be mended under a guest that was started with another spec: what takes a restart is left. */
export function withoutDevices(spec: SandboxSpec): SandboxSpec {
  return { ...spec, macvlans: [], interfaces: [] };
}

/** The sandbox of a guest that is not about to run: the host has its interfaces. */
export function withoutInterfaces(spec: SandboxSpec): SandboxSpec {
  return { ...spec, interfaces: [] };
}

/** True when nothing of ours is left of this name's network. */
export function isSandboxGone(name: string, facts: SandboxFacts): boolean {
  return (
    (facts.namespace === 'absent' || facts.namespace === 'foreign') &&
    facts.hostLink?.alias !== linkAlias(name) &&
    facts.guard.length === 0 &&
    facts.builtAfter === null &&
    facts.lent.length === 0
  );
}

/**
 * A guest's run leaves its traces in the namespace (links, rules, settings): the next run gets a fresh one. Told by the run
 * and not by the time, since a clock may be set.
 */
export function isSandboxUsed({ sandbox, ended, history }: Observed): boolean {
  if (sandbox.builtAfter === null || ended === null || history.launch === null) return false;
  return ended.invocationId !== sandbox.builtAfter;
}

/** What a sandbox that is built now is marked with. */
export function lastRun({ ended }: Observed): string {
  return ended?.invocationId ?? '';
}

function linkDrift(
  side: string,
  link: LinkFacts,
  addresses: readonly string[],
  routes: readonly string[],
): readonly string[] {
  return [
    ...(link.isUp ? [] : [`the ${side} link is down`]),
    ...(link.areSettingsRight ? [] : [`the ${side} link's settings differ`]),
    ...missing(`${side} address`, addresses, link.addresses),
    ...missing(`${side} route`, routes, link.routes),
  ];
}

function missing(what: string, wanted: readonly string[], found: readonly string[]): readonly string[] {
  return wanted.filter(item => !found.includes(item)).map(item => `missing ${what} ${item}`);
}

function extras(what: string, found: readonly string[], wanted: readonly string[]): readonly string[] {
  return found.filter(item => !wanted.includes(item)).map(item => `stale ${what} ${item}`);
}

function withPrefix(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function isGiven(address: string | undefined): address is string {
  return address !== undefined;
}
