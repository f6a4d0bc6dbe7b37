import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { durationSec } from './api/field-values.ts';

/**
 * What a person may set, one entry for each, in nspawnd.yaml or by an option. The option, the installed file with every
 * default, and the manual pages are made of these entries.
 */
export const settingsSchema = z.strictObject({
  manifestsDirectory: path().default('/etc/nspawnd/manifests').meta({
    flags: '--manifests <dir>',
    description: 'Directory of the manifests.',
  }),
  manifestsOwner: z.number().int().min(0).default(0).meta({
    flags: '--manifests-owner <uid>',
    description: 'Number of the user who may own the manifests besides root, and is root by it.',
  }),
  stateDirectory: path().default('/var/lib/nspawnd').meta({
    flags: '--state-directory <dir>',
    description: 'What survives a boot: last good versions, suspensions, logs of builds.',
  }),
  runtimeDirectory: path().default('/run/nspawnd').meta({
    flags: '--runtime-directory <dir>',
    description: 'The sockets, and what ends with the boot.',
  }),
  hostsFile: path().default('/etc/hosts').meta({
    flags: '--hosts-file <file>',
    description: 'Where the names of containers are kept, between two marked lines.',
  }),
  readGroup: group().meta({
    flags: '--read-group <group>',
    description: 'Group whose members may look, by the reading socket; null: only root.',
    examples: ['nspawnd'],
  }),
  writeGroup: group().meta({
    flags: '--write-group <group>',
    description: 'Group whose members may do everything, which makes them root; null: only root.',
  }),
  listen: z
    .string()
    .refine(text => parseListen(text) !== null, {
      error: 'not an address and port on loopback such as 127.0.0.1:6443 or [::1]:6443',
    })
    .nullable()
    .default(null)
    .meta({
      flags: '--listen <address:port>',
      description: "Address and port on loopback for Kubernetes' clients; null: only the sockets.",
      examples: ['127.0.0.1:6443'],
    }),
  addressRange: z
    .string()
    .refine(isAddressRange, { error: 'not an IPv4 range between /8 and /30 such as 10.233.0.0/16' })
    .default('10.233.0.0/16')
    .meta({ flags: '--address-range <cidr>', description: 'Where nspawnctl create takes addresses from.' }),
  workers: z.number().int().min(1).max(64).default(8).meta({
    flags: '--workers <count>',
    description: 'How many containers are worked on at once.',
  }),
  maxConcurrentBoots: z
    .number()
    .int()
    .min(1)
    .max(10_000)
    .nullable()
    .default(null)
    .meta({
      flags: '--max-boots <count>',
      description: "How many guests boot at once; null: as suits the host's processors.",
      examples: [8],
    }),
  relistSec: durationSec
    .refine(seconds => seconds >= 0.1, { error: 'less than 0.1 seconds' })
    .default(20)
    .meta({
      flags: '--relist-sec <span>',
      description:
        'How often everything is read again, whatever was or was not noticed: seconds, or text such as 2min.',
    }),
  enableIpv6Forwarding: z.boolean().default(false).meta({
    flags: '--ipv6-forwarding',
    description: 'Turn on net.ipv6.conf.all.forwarding, which silences router advertisements on the uplink.',
  }),
  nixPath: z
    .string()
    .nullable()
    .default(null)
    .meta({
      flags: '--nix-path <path>',
      description: "NIX_PATH for containers with config; null: that of nspawnd's own environment.",
      examples: ['nixpkgs=/srv/nixpkgs'],
    }),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info').meta({
    flags: '--log-level <level>',
    description: 'How much is told to the journal: trace, debug, info, warn or error.',
  }),
});

/** What the rooms are told. */
export const configSchema = settingsSchema.transform(({ relistSec, ...settings }) => ({
  ...settings,
  relistMs: relistSec * 1000,
  /** systemd reads units of the running system there; nobody else's choice would do. */
  unitDirectory: '/run/systemd/system',
}));

export type Config = z.output<typeof configSchema>;

/** A setting as those see it who make options, files and manual pages of all of them. */
export interface Setting {
  readonly key: string;
  /** In commander's form: `--workers <count>`. */
  readonly flags: string;
  readonly description: string;
  readonly default: unknown;
  readonly examples: readonly unknown[];
}

export function allSettings(): readonly Setting[] {
  const defaults: Readonly<Record<string, unknown>> = settingsSchema.parse({});
  return Object.entries(settingsSchema.shape).map(([key, schema]) => {
    const { flags, description, examples } = schema.meta() ?? {};
    return {
      key,
      flags: String(flags),
      description: description ?? '',
      default: defaults[key],
      examples: Array.isArray(examples) ? examples : [],
    };
  });
}

export function rootSocket(runtimeDirectory: string): string {
  return `${runtimeDirectory}/nspawnd.sock`;
}

export function readSocket(runtimeDirectory: string): string {
  return `${runtimeDirectory}/read.sock`;
}

function path() {
  return z
    .string()
    .max(1024)
    .regex(/^\/[^\0\n]*$/, { error: 'not an absolute path' });
}

function group() {
  return z
    .string()
    .regex(/^[A-Za-z_][\w.-]{0,31}$/, { error: 'not the name of a group' })
    .nullable()
    .default(null);
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
