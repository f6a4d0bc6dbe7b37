import type { SpecDraft } from './imported.ts';

export const ADDRESS_FIELDS = ['hostAddress', 'localAddress', 'hostAddress6', 'localAddress6'] as const;

/** NixOS takes `10.0.0.2` and `10.0.0.2/24`; a container's link has only the one address of each side, /32 and /128. */
export function carryAddress(
  field: (typeof ADDRESS_FIELDS)[number],
  address: string,
  draft: SpecDraft,
): void {
  const [plain = '', prefix] = address.split('/');
  draft.set(field, plain);
  if (prefix !== undefined && prefix !== (plain.includes(':') ? '128' : '32'))
    draft.leave(
      `${field} ${address}`,
      `the prefix /${prefix}: nothing else is on that link; routes beyond it are the host's`,
    );
}

export const BRIDGE_COMES_LATER =
  'a link in a bridge of the host (hostBridge) is not there yet; without it the guest only reaches the host';
export const PORTS_COME_LATER =
  "forwarding a port of the host (forwardPorts) is not there yet; redirect it to localAddress with the host's firewall";
