import { z } from 'zod';
import { isErrorCode } from '../errors.ts';
import { inNamespace } from './ip.ts';
import { parseIpJson } from './ip-json.ts';
import { runShort } from './short-command.ts';

/** A network interface in detail, as `ip -details -json link show` has it. */
export interface IpDevice {
  readonly index: number;
  /** Whatever its owner calls it: a guest may have put any bytes into it. */
  readonly name: string;
  /** `veth`, `macvlan`, ...; empty for what is no device of the kernel's own making. */
  readonly kind: string;
  /** The index of the interface it is on, where that is in another namespace. */
  readonly parentIndexElsewhere: number | null;
  readonly address: string;
  /** Burnt in; empty where it has none or has it in use. */
  readonly permanentAddress: string;
  readonly mtu: number;
  readonly alias: string;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
}

/** All of the host's namespace. */
export async function ipDevices(): Promise<readonly IpDevice[]> {
  return show(null, []);
}

/**
 * All macvlans of a namespace; none where there is no such namespace. A guest that has made more than anybody can read
 * has none, either: that spoils only its own network, until its next start.
 */
export async function ipMacvlans(namespace: string): Promise<readonly IpDevice[]> {
  return show(namespace, ['type', 'macvlan']).catch((error: unknown) => {
    if (isErrorCode(error, 'CommandFailed')) return [];
    throw error;
  });
}

export async function ipDevice(namespace: string | null, name: string): Promise<IpDevice | null> {
  const [device = null] = await show(namespace, ['dev', name]);
  // A name of another interface's beside its own is not what it is called.
  return device?.name === name ? device : null;
}

/**
 * The one with this index, by which nothing is listed but that one: a guest may have made thousands. Its alias is not told.
 * `hidden` while something in there is called by the very words that mean the index.
 */
export async function ipDeviceAt(
  namespace: string | null,
  index: number,
): Promise<IpDevice | 'hidden' | null> {
  const [device = null] = await list(namespace, ['-0'], ['address', 'show', 'dev', indexWord(index)]);
  return device === null || device.index === index ? device : 'hidden';
}

/** iproute2's word for the interface of an index, unless one is called so. */
export function indexWord(index: number): string {
  return `if${index}`;
}

/** `ip link set`, in the namespace of a container or (null) of the host. */
export async function setDevice(
  namespace: string | null,
  device: string,
  settings: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  await runShort('ip', [...inNamespace(namespace), 'link', 'set', 'dev', device, ...settings], {
    ...(signal === undefined ? {} : { signal }),
  });
}

async function show(namespace: string | null, which: readonly string[]): Promise<readonly IpDevice[]> {
  return list(namespace, [], ['link', 'show', ...which]);
}

async function list(
  namespace: string | null,
  options: readonly string[],
  what: readonly string[],
): Promise<readonly IpDevice[]> {
  const { stdout, exitCode } = await runShort(
    'ip',
    [...inNamespace(namespace), ...options, '-details', '-json', ...what],
    { accept: [0, 1, 255] },
  );
  return exitCode === 0 && stdout.trim() !== '' ? parseDevices(parseIpJson(stdout)) : [];
}

const deviceSchema = z.object({
  ifindex: z.number(),
  ifname: z.string(),
  link_index: z.number().optional(),
  link_netnsid: z.number().optional(),
  address: z.string().default(''),
  permaddr: z.string().default(''),
  mtu: z.number().default(0),
  ifalias: z.string().default(''),
  flags: z.array(z.string()).default([]),
  linkinfo: z.object({ info_kind: z.string().default('') }).optional(),
});

function parseDevices(json: unknown): readonly IpDevice[] {
  return z
    .array(z.unknown())
    .parse(json)
    .map(item => deviceSchema.safeParse(item))
    .filter(parsed => parsed.success)
    .map(({ data }) => ({
      index: data.ifindex,
      name: data.ifname,
      kind: data.linkinfo?.info_kind ?? '',
      parentIndexElsewhere: data.link_netnsid === undefined ? null : (data.link_index ?? null),
      address: data.address,
      permanentAddress: data.permaddr,
      mtu: data.mtu,
      alias: data.ifalias,
      isUp: data.flags.includes('UP'),
      isLoopback: data.flags.includes('LOOPBACK'),
    }));
}
