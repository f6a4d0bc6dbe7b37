/**
 * IPv4 addresses for containers that are given none: pairs of a range, the host's end and the guest's. The first pair of
 * every /24 comes first (10.233.1.1 and 10.233.1.2, then 10.233.2.1, ..., as nixos-container gives them), then the next
 * one of each. Pure.
 */
export interface AddressPair {
  readonly hostAddress: string;
  readonly localAddress: string;
}

/** The first pair that meets nothing of `taken` (addresses and networks, as `ip` prints them); null: none is free. */
export function allocatePair(range: string, taken: readonly string[]): AddressPair | null {
  const whole = parseNetwork(range);
  if (whole === null) return null;
  const networks = taken.map(parseNetwork).filter(network => network !== null);
  const single = new Set(networks.filter(({ size }) => size === 1).map(({ first }) => first));
  const wide = networks.filter(({ size }) => size > 1);
  for (const base of blocks(whole)) {
    if (single.has(base + 1) || single.has(base + 2)) continue;
    if (wide.some(({ first, size }) => base + 2 >= first && base + 1 < first + size)) continue;
    return { hostAddress: showAddress(base + 1), localAddress: showAddress(base + 2) };
  }
  return null;
}

interface Network {
  readonly first: number;
  readonly size: number;
}

/** Each pair has a /30 of its own, whose first and last address stay unused. */
const BLOCK = 4;
const CLASS_C = 256;

function* blocks({ first, size }: Network): Generator<number> {
  const rows = Math.max(1, Math.floor(size / CLASS_C));
  for (let offset = 0; offset < Math.min(size, CLASS_C); offset += BLOCK) {
    // The /24 that ends in .0 comes last: it looks like the network's own address to people.
    for (let row = 1; row <= rows; row++) yield first + (row % rows) * CLASS_C + offset;
  }
}

function parseNetwork(text: string): Network | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (match === null) return null;
  const octets = match.slice(1, 5).map(Number);
  const prefix = match[5] === undefined ? 32 : Number(match[5]);
  if (octets.some(octet => octet > 255) || prefix > 32) return null;
  const size = 2 ** (32 - prefix);
  const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return { first: address - (address % size), size };
}

function showAddress(address: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.');
}
