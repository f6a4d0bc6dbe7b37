import type { ManagerReport, NetworkReport } from '../../host/report/network.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Who else configures interfaces, and what the host lets through. Pure. */
export function judgeNetwork(network: NetworkReport): readonly Finding[] {
  return [...managers(network.managers), firewall(network), forwarding(network), routers(network)];
}

function managers(all: readonly ManagerReport[]): readonly Finding[] {
  const active = all.filter(({ isActive }) => isActive);
  if (active.length === 0) return [ok('network managers', 'none runs')];
  return active.map(({ name, isKeptOff }) =>
    isKeptOff
      ? ok(name, 'runs, and leaves ve-* to nspawnd')
      : fail(name, `runs, and may take the addresses of our links ve-* away`, KEEP_OFF[name]),
  );
}

const KEEP_OFF: Readonly<Record<ManagerReport['name'], string>> = {
  'systemd-networkd':
    'install nspawnd again (it has /usr/lib/systemd/network/70-nspawnd.network), then: networkctl reload',
  NetworkManager:
    'install nspawnd again (it has /usr/lib/NetworkManager/conf.d/70-nspawnd.conf), then: nmcli general reload',
  dhcpcd: 'add to /etc/dhcpcd.conf: denyinterfaces ve-*; then: systemctl restart dhcpcd',
};

function firewall({ droppingChains, firewalls }: NetworkReport): Finding {
  if (droppingChains === null)
    return warn('firewall', 'what it forwards cannot be seen', 'as root and with nft: nft list ruleset');
  if (droppingChains.length === 0 && !firewalls.includes('firewalld'))
    return ok('firewall', 'nothing that is forwarded is dropped by default');
  const where = droppingChains.length > 0 ? `${droppingChains.join(', ')} drops` : 'firewalld rejects';
  return warn(
    'firewall',
    `${where} what nothing accepts: guests reach the host, but neither each other nor beyond it unless a rule says so`,
    `accept what comes from ve-* and goes there: ${acceptBy(firewalls)}`,
  );
}

function acceptBy(firewalls: NetworkReport['firewalls']): string {
  if (firewalls.includes('docker'))
    return 'iptables -I DOCKER-USER -i ve-+ -j ACCEPT; iptables -I DOCKER-USER -o ve-+ -j ACCEPT';
  if (firewalls.includes('firewalld'))
    return 'firewall-cmd --permanent --zone=trusted --add-interface=ve-+; firewall-cmd --reload';
  if (firewalls.includes('ufw')) return 'ufw route allow in on ve-+; ufw route allow out on ve-+';
  return `nft insert rule FAMILY TABLE CHAIN iifname "ve-*" accept, and the same with oifname`;
}

function forwarding({ ipv4Forwarding, ipv6Forwarding }: NetworkReport): Finding {
  const shown = (value: boolean | null) => (value === null ? 'unknown' : value ? 'on' : 'off');
  const note =
    ipv4Forwarding === false
      ? '; guests reach the host and each other, beyond it takes net.ipv4.ip_forward=1'
      : '';
  return ok('forwarding', `IPv4 ${shown(ipv4Forwarding)}, IPv6 ${shown(ipv6Forwarding)}${note}`);
}

function routers({ deafUplinks }: NetworkReport): Finding {
  if (deafUplinks.length === 0) return ok('router advertisements', 'are not ignored because of forwarding');
  const [first = ''] = deafUplinks;
  return warn(
    'router advertisements',
    `${deafUplinks.join(', ')} ignores them because IPv6 forwarding is on: its addresses and default route run out`,
    `sysctl -w net.ipv6.conf.${first}.accept_ra=2, and put it into /etc/sysctl.d`,
  );
}
