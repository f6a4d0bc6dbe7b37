import type { Host } from '../testbed/host.ts';
import { type Contender, now } from './contender.ts';

const ROOT = '/var/lib/machines/base';

/** What a careful person would type: a namespace made by two `ip -batch`, joined by nspawn under systemd-run. */
export function rawJoining(host: Host, name: string): Contender {
  const join = (container: string) =>
    systemdRun(host, container, [
      `--network-namespace-path=/run/netns/${container}`,
      '--capability=CAP_NET_ADMIN',
      '--resolv-conf=off',
    ]);
  return {
    name,
    async start(container) {
      const begin = now();
      await host.exec(['ip', '-batch', '-'], { input: hostSide(container) });
      await host.exec(['ip', '-n', container, '-batch', '-'], { input: guestSide });
      await join(container);
      return begin;
    },
    async startAgain(container) {
      await host.exec(['systemctl', 'reset-failed', `raw-${container}.service`], { reject: false });
      // What a killed nspawn leaves mounted stops the next one; systemd#36455.
      await host.exec(['umount', '-l', `/run/systemd/nspawn/unix-export/${container}`], { reject: false });
      const begin = now();
      await join(container);
      return begin;
    },
    unit: container => `raw-${container}.service`,
    async remove(container) {
      await host.exec(['systemctl', 'stop', `raw-${container}.service`], { reject: false });
      await host.exec(['ip', 'link', 'del', `ve-${container}`], { reject: false });
      await host.exec(['ip', 'netns', 'del', container], { reject: false });
    },
  };
}

/** The usual way: nspawn makes the link itself. */
export function rawVeth(host: Host): Contender {
  return {
    name: 'systemd-nspawn --network-veth',
    async start(container) {
      const begin = now();
      await systemdRun(host, container, ['--network-veth']);
      return begin;
    },
    unit: container => `raw-${container}.service`,
    async remove(container) {
      await host.exec(['systemctl', 'stop', `raw-${container}.service`], { reject: false });
    },
  };
}

async function systemdRun(host: Host, container: string, network: readonly string[]): Promise<void> {
  await host.exec([
    'systemd-run',
    '--quiet',
    '--no-block',
    `--unit=raw-${container}.service`,
    '--slice=machine.slice',
    '--property=Type=notify',
    '--property=Delegate=yes',
    '--property=KillMode=mixed',
    '--property=StartLimitIntervalSec=0',
    'systemd-nspawn',
    '--quiet',
    '--keep-unit',
    `--machine=${container}`,
    `--directory=${ROOT}`,
    '--link-journal=no',
    '--volatile=overlay',
    '--notify-ready=yes',
    ...network,
    '--boot',
  ]);
}

function hostSide(container: string): string {
  return [
    `netns add ${container}`,
    `link add ve-${container} type veth peer name eth0 netns ${container}`,
    `link set ve-${container} up`,
    `address add 10.231.140.1/32 dev ve-${container}`,
    `route add 10.231.140.2/32 dev ve-${container}`,
    '',
  ].join('\n');
}

const guestSide = [
  'link set lo up',
  'link set eth0 up',
  'address add 10.231.140.2/32 dev eth0',
  'route add 10.231.140.1/32 dev eth0',
  'route add default via 10.231.140.1 dev eth0',
  '',
].join('\n');
