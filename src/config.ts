import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

/** Where everything is. Defaults are the installed system's; tests and other layouts change them by options. */
export const configSchema = z.strictObject({
  manifestsDirectory: z.string().default('/etc/nspawnd/manifests'),
  /** Survives a boot: accepted versions, directory identity. */
  stateDirectory: z.string().default('/var/lib/nspawnd'),
  /** Ends with the boot: sockets, records of ends, requests, FIFOs. */
  runtimeDirectory: z.string().default('/run/nspawnd'),
  unitDirectory: z.string().default('/run/systemd/system'),
  hostsFile: z.string().default('/etc/hosts'),
  /** User id that must own the manifests directory and what is in it. */
  manifestsOwner: z.number().int().default(0),
  /** Group that may use the reading socket; null: root only. */
  readGroup: z.string().nullable().default(null),
  /** Group that may use the socket with all verbs, which makes its members root; null: root only. */
  writeGroup: z.string().nullable().default(null),
  /** Address and port on loopback for Kubernetes' clients; null: only the sockets. */
  listen: z
    .string()
    .refine(text => parseListen(text) !== null, {
      error: 'not an address and port on loopback such as 127.0.0.1:6443 or [::1]:6443',
    })
    .nullable()
    .default(null),
  /** Where `nspawnctl create` takes addresses from. */
  addressRange: z
    .string()
    .refine(isAddressRange, { error: 'not an IPv4 range between /8 and /30 such as 10.233.0.0/16' })
    .default('10.233.0.0/16'),
  workers: z.number().int().min(1).max(64).default(8),
  relistMs: z.number().int().min(100).default(20_000),
  /** Turns on net.ipv6.conf.all.forwarding, which silences router advertisements on the uplink. */
  enableIpv6Forwarding: z.boolean().default(false),
  /** NIX_PATH of the builds of `config`; null: nspawnd's own. */
  nixPath: z.string().nullable().default(null),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});

export type Config = z.output<typeof configSchema>;

export function rootSocket(runtimeDirectory: string): string {
  return `${runtimeDirectory}/nspawnd.sock`;
}

export function readSocket(runtimeDirectory: string): string {
  return `${runtimeDirectory}/read.sock`;
}

function isAddressRange(text: string): boolean {
  const [address = '', prefix = '', ...more] = text.split('/');
  const isPrefix = /^\d{1,2}$/.test(prefix) && Number(prefix) >= 8 && Number(prefix) <= 30;
  return isIPv4(address) && isPrefix && more.length === 0;
}

/** Never anything but loopback: the token is root's, and no other network is trusted with it. */
export function parseListen(text: string): { readonly host: string; readonly port: number } | null {
  const [, four = '', six = '', digits = ''] = /^(?:([0-9.]+)|\[([0-9a-f:]+)\]):(\d{1,5})$/.exec(text) ?? [];
  const host = four === '' ? six : four;
  const isLoopback =
    (isIPv4(host) && LOOPBACK.check(host, 'ipv4')) || (isIPv6(host) && LOOPBACK.check(host, 'ipv6'));
  const port = Number(digits);
  return isLoopback && digits !== '' && port <= 65_535 ? { host, port } : null;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
