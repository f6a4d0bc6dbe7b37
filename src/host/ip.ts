import { z } from 'zod';
import { parseIpJson } from './ip-json.ts';
import { runShort } from './short-command.ts';

/** iproute2: batches of commands in one process, and its JSON, checked at the edge. */

/** Runs the lines in order, in the host's namespace or in a named one; the first that fails ends the batch. */
export async function ipBatch(
  namespace: string | null,
  lines: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  if (lines.length === 0) return;
  await runShort('ip', [...inNamespace(namespace), '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Removes what the lines name; what is gone already, also by a line before, is no error. The next look tells what is left. */
export async function ipRemove(
  namespace: string | null,
  lines: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  if (lines.length === 0) return;
  await runShort('ip', [...inNamespace(namespace), '-force', '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    accept: [0, 1, 2],
    ...(signal === undefined ? {} : { signal }),
  });
}

export interface IpLink {
  readonly name: string;
  readonly alias: string;
  /** Six pairs of hex digits with colons, lower case. */
  readonly macAddress: string;
  readonly isUp: boolean;
  readonly altNames: readonly string[];
  /** The namespace id of its other end, where that is elsewhere. */
  readonly peerNamespaceId: number | null;
  readonly addresses: readonly {
    readonly address: string;
    readonly prefix: number;
    readonly scope: string;
  }[];
}

export interface IpRoute {
  readonly destination: string;
  readonly gateway: string | null;
}

export interface ShownLink {
  readonly link: IpLink;
  readonly routes: readonly IpRoute[];
}

/** Our routes carry this protocol number, so that an administrator's own routes over our links are left alone. */
export const ROUTE_PROTOCOL = '78';

/** A link with its addresses and those routes that are ours; null when there is no such link, or no such namespace. */
export async function ipShow(namespace: string | null, link: string): Promise<ShownLink | null> {
  // Only `link show` tells the alias, and in a batch whatever follows it sees no addresses and no routes.
  const lines = [
    `address show dev ${link}`,
    `route show table all dev ${link} proto ${ROUTE_PROTOCOL}`,
    `link show dev ${link}`,
  ];
  const { stdout, exitCode } = await runShort('ip', [...inNamespace(namespace), '-json', '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    accept: [0, 1, 255],
  });
  if (exitCode !== 0) return null;
  // A guest's alias may hold line feeds; it is in the last answer only.
  const [addressLine = '', routeLine = '', ...linkLines] = stdout
    .split('\n')
    .filter(line => line.trim() !== '');
  const [addresses, routes, links] = [addressLine, routeLine, linkLines.join(' ')].map(parseIpJson);
  const [shown] = parseLinks(links);
  const [addressed] = parseLinks(addresses);
  if (shown === undefined || addressed === undefined) return null;
  return { link: { ...shown, addresses: addressed.addresses }, routes: parseRoutes(routes) };
}

/** Every veth link of the host's namespace. */
export async function ipVethLinks(): Promise<readonly IpLink[]> {
  const { stdout } = await runShort('ip', ['-json', 'link', 'show', 'type', 'veth']);
  return parseLinks(stdout.trim() === '' ? [] : parseIpJson(stdout));
}

/** The words by which `ip` works in a namespace of its own. */
export function inNamespace(namespace: string | null): readonly string[] {
  return namespace === null ? [] : ['-netns', namespace];
}

const linkSchema = z.object({
  ifname: z.string(),
  ifalias: z.string().default(''),
  address: z.string().default(''),
  flags: z.array(z.string()).default([]),
  altnames: z.array(z.string()).default([]),
  link_netnsid: z.number().optional(),
  addr_info: z
    .array(
      z.object({
        local: z.string().default(''),
        prefixlen: z.number().default(0),
        scope: z.string().default(''),
      }),
    )
    .default([]),
});

function parseLinks(json: unknown): readonly IpLink[] {
  return z
    .array(z.unknown())
    .parse(json ?? [])
    .map(item => linkSchema.safeParse(item))
    .filter(parsed => parsed.success)
    .map(({ data }) => ({
      name: data.ifname,
      alias: data.ifalias,
      macAddress: data.address,
      isUp: data.flags.includes('UP'),
      altNames: data.altnames,
      peerNamespaceId: data.link_netnsid ?? null,
      addresses: data.addr_info.map(info => ({
        address: info.local,
        prefix: info.prefixlen,
        scope: info.scope,
      })),
    }));
}

const routeSchema = z.object({
  dst: z.string(),
  gateway: z.string().optional(),
});

function parseRoutes(json: unknown): readonly IpRoute[] {
  return z
    .array(routeSchema)
    .parse(json ?? [])
    .map(route => ({
      destination: route.dst,
      gateway: route.gateway ?? null,
    }));
}
