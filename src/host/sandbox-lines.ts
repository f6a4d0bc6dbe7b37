import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { LinkFacts, SandboxFacts } from '../planning/observed.ts';
import { GUEST_LINK, linkAlias } from '../planning/sandbox.ts';
import type { MacvlanSpec, SandboxSpec } from '../planning/step.ts';
import { type IpLink, ROUTE_PROTOCOL } from './ip.ts';

/** What `ip -batch` is told to make a sandbox from whatever is there; each line may be said twice. */
export function hostLines(
  name: string,
  spec: SandboxSpec,
  host: LinkFacts | null,
  needs: { readonly needsNamespace: boolean; readonly needsPair: boolean },
): readonly string[] {
  const link = spec.hostLink;
  const macs = { host: macAddress(name, 'host'), guest: macAddress(name, 'guest') };
  return [
    ...(needs.needsNamespace ? [`netns add ${name}`] : []),
    ...(needs.needsPair && host !== null ? [`link del dev ${link}`] : []),
    ...(needs.needsPair
      ? [
          `link add ${link} address ${macs.host} type veth peer name ${GUEST_LINK} address ${macs.guest} netns ${name}`,
        ]
      : []),
    ...(spec.hasPair ? [`link set dev ${link} alias ${spec.alias} up`] : []),
    ...(needs.needsPair && spec.hostAltName !== null
      ? [`link property add dev ${link} altname ${spec.hostAltName}`]
      : []),
    ...spec.hostAddresses.map(address => addressLine(address, link)),
    ...spec.hostRoutes.map(
      route =>
        `route replace ${route} dev ${link}${sourceFor(route, spec.hostAddresses)} proto ${ROUTE_PROTOCOL}`,
    ),
  ];
}

export function guestLines(spec: SandboxSpec): readonly string[] {
  return [
    'link set dev lo up',
    ...(spec.hasPair ? [`link set dev ${GUEST_LINK} alias ${spec.alias} up`] : []),
    ...spec.guestAddresses.map(address => addressLine(address, GUEST_LINK)),
    ...spec.guestRoutes.map(route => `route replace ${route} dev ${GUEST_LINK} proto ${ROUTE_PROTOCOL}`),
  ];
}

/** As --network-macvlan=: in bridge mode, and down until the guest takes it up. */
export function macvlanLines(name: string, macvlans: readonly MacvlanSpec[]): readonly string[] {
  return macvlans.map(
    ({ parent, link }) =>
      `link add link ${parent} name ${link} netns ${name} address ${macAddress(name, `macvlan ${parent}`)} type macvlan mode bridge`,
  );
}

export function macvlanGuestLines(macvlans: readonly MacvlanSpec[], alias: string): readonly string[] {
  return macvlans.flatMap(({ link, altName }) => [
    `link set dev ${link} alias ${alias}`,
    ...(altName === null ? [] : [`link property add dev ${link} altname ${altName}`]),
  ]);
}

/** Routes before addresses: the kernel takes routes along with the address they were made for. */
export function staleHostLines(
  { hostLink, hostAddresses, hostRoutes }: SandboxSpec,
  host: LinkFacts,
): readonly string[] {
  return [
    ...without(host.routes, hostRoutes).map(found => `route del ${found} dev ${hostLink}`),
    ...without(host.addresses, hostAddresses).map(found => `address del ${found} dev ${hostLink}`),
  ];
}

/** In the guest only what was ours is stale: the rest is its own affair. */
export function staleGuestLines(
  spec: SandboxSpec,
  guest: NonNullable<SandboxFacts['guestLink']>,
): readonly string[] {
  if (guest === 'unreadable') return [];
  const addresses = guest.addresses.filter(found => spec.staleGuestAddresses.includes(found));
  const routes = without(guest.routes, spec.guestRoutes);
  return [
    // The default route first: its gateway's own route must still be there while it goes.
    ...[...routes]
      .sort((a, b) => Number(b.startsWith('default')) - Number(a.startsWith('default')))
      .map(found => `route del ${found} dev ${GUEST_LINK}`),
    ...addresses.map(found => `address del ${found} dev ${GUEST_LINK}`),
  ];
}

function without(found: readonly string[], wanted: readonly string[]): readonly string[] {
  return found.filter(item => !wanted.includes(item));
}

export function withoutPrefix(address: string): string {
  return address.split('/')[0] ?? '';
}

/** IPv6 without duplicate detection: a guest boots faster than it takes, and binding a tentative address fails. */
function addressLine(address: string, link: string): string {
  return `address replace ${address} dev ${link}${address.includes(':') ? ' nodad' : ''}`;
}

/** The host speaks to the guest from the address that the guest knows it by. */
function sourceFor(route: string, hostAddresses: readonly string[]): string {
  const source = hostAddresses
    .map(address => address.split('/')[0] ?? '')
    .find(address => isIPv6(address) === isIPv6(route));
  return source === undefined ? '' : ` src ${source}`;
}

/** The same container has the same addresses after every start; locally administered, unicast. */
function macAddress(name: string, side: string): string {
  const bytes = createHash('sha256').update(`nspawnd ${side} ${name}`).digest().subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02;
  return [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(':');
}

/**
 * A link gets its alias in a second step. Cut off in between (killed, or given up after its deadline) it has only the address
 * that nspawnd alone gives to a link of this name, and that it got with its making.
 */
export function withOwner(link: IpLink, name: string): IpLink {
  const isHalfMade = link.alias === '' && link.macAddress === macAddress(name, 'host');
  return isHalfMade ? { ...link, alias: linkAlias(name) } : link;
}
