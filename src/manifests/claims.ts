import type { Manifest } from '../api/manifest.ts';

/** Something of the host that a manifest wants, and that others may want too. */
export interface Claim {
  /** Equal keys meet. */
  readonly key: string;
  /** False: others may have it too, as long as nobody wants it alone. */
  readonly isExclusive: boolean;
  /** Where in the manifest it is made. */
  readonly field: string;
  /** For people: what it is, and its value. */
  readonly noun: string;
  readonly value: string;
}

/** What a claim is judged by: facts of the host, looked up before. */
export interface ClaimWorld {
  readonly hostLinkName: (name: string) => string;
  /** The host's own addresses, without those of our links. */
  readonly hostAddresses: ReadonlySet<string>;
}

/** Addresses, link names and interfaces of the host. Roots are claims as well, but meet by containment: see `root-table.ts`. */
export function claimsOf(manifest: Manifest, world: ClaimWorld): readonly Claim[] {
  const { spec } = manifest;
  const claims: Claim[] = [];
  for (const field of ['localAddress', 'localAddress6'] as const) {
    const address = spec[field];
    if (address === undefined || isHostsOwnLine(manifest, address, world)) continue;
    claims.push({
      key: `address ${address}`,
      isExclusive: true,
      field: `spec.${field}`,
      noun: field,
      value: address,
    });
  }
  for (const field of ['hostAddress', 'hostAddress6'] as const) {
    const address = spec[field];
    if (address === undefined) continue;
    claims.push({
      key: `address ${address}`,
      isExclusive: false,
      field: `spec.${field}`,
      noun: field,
      value: address,
    });
  }
  if (spec.privateNetwork) {
    const link = world.hostLinkName(manifest.name);
    claims.push({
      key: `link ${link}`,
      isExclusive: true,
      field: 'metadata.name',
      noun: 'link',
      value: link,
    });
  }
  // A macvlan shares its interface; one that is given away is nobody else's.
  for (const parent of spec.macvlans) claims.push(interfaceClaim(parent, 'macvlans', false));
  for (const given of spec.interfaces) {
    claims.push(interfaceClaim(given, 'interfaces', true));
    // Nor can it be the link of another container.
    claims.push({ ...interfaceClaim(given, 'interfaces', true), key: `link ${given}` });
  }
  return claims;
}

function interfaceClaim(name: string, field: 'macvlans' | 'interfaces', isExclusive: boolean): Claim {
  return { key: `interface ${name}`, isExclusive, field: `spec.${field}`, noun: field, value: name };
}

/** A container on the host's network is reached by the host's own addresses: its hosts line takes nothing away. */
function isHostsOwnLine(manifest: Manifest, address: string, world: ClaimWorld): boolean {
  return !manifest.spec.privateNetwork && world.hostAddresses.has(address);
}

/** True where the root is left as it was: such containers may share it. */
export function isThrowaway(manifest: Manifest): boolean {
  return manifest.spec.ephemeral || manifest.spec.volatile !== 'no';
}
