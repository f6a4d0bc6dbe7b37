import { readdir } from 'node:fs/promises';
import { answerOf, textOf, wordOf } from './answer-of.ts';

/** What on this host has a say in the network of guests. */
export interface NetworkReport {
  readonly managers: readonly ManagerReport[];
  /** Base chains of the forward hook that drop what nothing accepts, as `FAMILY TABLE CHAIN`; null: nobody could say. */
  readonly droppingChains: readonly string[] | null;
  /** Programs that keep a firewall of their own, of those that run. */
  readonly firewalls: readonly ('docker' | 'firewalld' | 'ufw')[];
  readonly ipv4Forwarding: boolean | null;
  readonly ipv6Forwarding: boolean | null;
  /** Uplinks that ignore router advertisements because the host forwards. */
  readonly deafUplinks: readonly string[];
}

/** A program that configures interfaces. */
export interface ManagerReport {
  readonly name: 'systemd-networkd' | 'NetworkManager' | 'dhcpcd';
  readonly isActive: boolean;
  /** It was told to leave our links alone. */
  readonly isKeptOff: boolean;
}

export async function readNetworkReport(): Promise<NetworkReport> {
  const [networkd, networkManager, dhcpcd, ruleset, firewalls, ipv4, ipv6] = await Promise.all([
    managerReport('systemd-networkd', NETWORKD_FILES),
    managerReport('NetworkManager', NETWORK_MANAGER_FILES),
    dhcpcdReport(),
    answerOf('nft', '-j', 'list', 'chains'),
    activeFirewalls(),
    textOf('/proc/sys/net/ipv4/ip_forward'),
    textOf('/proc/sys/net/ipv6/conf/all/forwarding'),
  ]);
  return {
    managers: [networkd, networkManager, dhcpcd],
    droppingChains: ruleset === null ? null : droppingChains(ruleset),
    firewalls,
    ipv4Forwarding: toBoolean(ipv4),
    ipv6Forwarding: toBoolean(ipv6),
    deafUplinks: ipv6 === '1' ? await uplinksThatIgnoreRouters() : [],
  };
}

const NETWORKD_FILES = [
  '/usr/lib/systemd/network/70-nspawnd.network',
  '/etc/systemd/network/70-nspawnd.network',
];
const NETWORK_MANAGER_FILES = [
  '/usr/lib/NetworkManager/conf.d/70-nspawnd.conf',
  '/etc/NetworkManager/conf.d/70-nspawnd.conf',
];

async function managerReport(
  name: 'systemd-networkd' | 'NetworkManager',
  files: readonly string[],
): Promise<ManagerReport> {
  const [isActive, texts] = await Promise.all([isServiceActive(name), Promise.all(files.map(textOf))]);
  // An empty file, or a link to /dev/null, takes ours back.
  return { name, isActive, isKeptOff: texts.some(text => text?.includes('ve-*') === true) };
}

async function dhcpcdReport(): Promise<ManagerReport> {
  const [isActive, settings] = await Promise.all([isServiceActive('dhcpcd'), textOf('/etc/dhcpcd.conf')]);
  return { name: 'dhcpcd', isActive, isKeptOff: /^denyinterfaces.*\bve-\*/m.test(settings ?? '') };
}

async function activeFirewalls(): Promise<NetworkReport['firewalls']> {
  const names = ['docker', 'firewalld', 'ufw'] as const;
  const active = await Promise.all(names.map(isServiceActive));
  return names.filter((_name, index) => active[index] === true);
}

async function isServiceActive(name: string): Promise<boolean> {
  return (await wordOf('systemctl', 'is-active', `${name}.service`)) === 'active';
}

/** Of `nft -j list chains`, in which iptables' chains are, too. */
export function droppingChains(json: string): readonly string[] {
  let listed: unknown;
  try {
    listed = (JSON.parse(json) as { nftables?: unknown }).nftables;
  } catch {
    return [];
  }
  return (Array.isArray(listed) ? listed : []).flatMap(entry => {
    const chain = (entry as { chain?: Record<string, unknown> } | null)?.chain;
    if (chain?.hook !== 'forward' || chain.policy !== 'drop') return [];
    return [`${chain.family} ${chain.table} ${chain.name}`];
  });
}

/** A host that forwards takes advertisements only where accept_ra is 2. Source: kernel, ip-sysctl.rst. */
async function uplinksThatIgnoreRouters(): Promise<readonly string[]> {
  const names = await readdir('/sys/class/net').catch(() => []);
  const settings = await Promise.all(
    names.filter(isUplink).map(async name => {
      const accept = await textOf(`/proc/sys/net/ipv6/conf/${name}/accept_ra`);
      return accept === '1' ? [name] : [];
    }),
  );
  return settings.flat();
}

function isUplink(name: string): boolean {
  return !/^(?:lo|ve-.*|mv-.*|vb-.*|veth.*|docker.*|br-.*|virbr.*|tun.*|wg.*|sit.*|tailscale.*)$/.test(name);
}

function toBoolean(text: string | null): boolean | null {
  return text === null ? null : text !== '0';
}
