import { networkInterfaces } from 'node:os';

/** The host's own addresses. Those of our links are left out: they are containers' hostAddresses, which may be shared. */
export function hostAddresses(): readonly string[] {
  return Object.entries(networkInterfaces())
    .filter(([link]) => !link.startsWith('ve-'))
    .flatMap(([, addresses]) => addresses ?? [])
    .map(({ address }) => address);
}
