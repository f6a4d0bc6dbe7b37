import type { Host } from '../testbed/host.ts';
import { type Contender, now, ROOT } from './contender.ts';

/** What a careful person would type: a namespace made by two `ip -batch`, joined by nspawn under systemd-run. */
export function rawJoining(host: Host, name: string): Contender {
  const join = (container: string) =>
    host.exec([...systemdRun(container), '--no-block', ...nspawn(container, joining(container))]);
  return {
    name,
    async start(container) {
      const begin = now();
      await host.exec(['ip', '-batch', '-'], { input: hostSide(container, ADDRESS) });
      await host.exec(['ip', '-n', container, '-batch', '-'], { input: guestSide(ADDRESS) });
      await join(container);
      return begin;
    },
    async startAgain(container) {
      await host.exec(['systemctl', 'reset-failed', rawUnit(container)], { reject: false });
      // What a killed nspawn leaves mounted stops the next one; systemd#36455.
      await host.exec(['umount', '-l', `/run/systemd/nspawn/unix-export/${container}`], { reject: false });
      const begin = now();
      await join(container);
      return begin;
    },
    unit: rawUnit,
    async remove(container) {
      await host.exec(['systemctl', 'stop', rawUnit(container)], { reject: false });
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
      await host.exec([...systemdRun(container), '--no-block', ...nspawn(container, ['--network-veth'])]);
      return begin;
    },
    unit: rawUnit,
    async remove(container) {
      await host.exec(['systemctl', 'stop', rawUnit(container)], { reject: false });
    },
  };
}

/** The same as a shell script that ends when the guest is READY. */
export function rawScript(container: string, address: string): string {
  return [
    '#!/bin/sh -e',
    `ip -batch - <<'END'\n${hostSide(container, address)}END`,
    `ip -n ${container} -batch - <<'END'\n${guestSide(address)}END`,
    `exec ${[...systemdRun(container), ...nspawn(container, joining(container))].join(' ')}`,
    '',
  ].join('\n');
}

export function rawUnit(container: string): string {
  return `raw-${container}.service`;
}

const ADDRESS = '10.231.140.2';

function joining(container: string): readonly string[] {
  return [
    `--network-namespace-path=/run/netns/${container}`,
    '--capability=CAP_NET_ADMIN',
    '--resolv-conf=off',
  ];
}

function systemdRun(container: string): readonly string[] {
  return [
    'systemd-run',
    '--quiet',
    `--unit=${rawUnit(container)}`,
    '--slice=machine.slice',
    '--property=Type=notify',
    '--property=Delegate=yes',
    '--property=KillMode=mixed',
    '--property=StartLimitIntervalSec=0',
    '--property=TimeoutStartSec=600',
  ];
}

function nspawn(container: string, network: readonly string[]): readonly string[] {
  return [
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
  ];
}

function hostSide(container: string, address: string): string {
  return [
    `netns add ${container}`,
    `link add ve-${container} type veth peer name eth0 netns ${container}`,
    `link set ve-${container} up`,
    `address add 10.231.140.1/32 dev ve-${container}`,
    `route add ${address}/32 dev ve-${container}`,
    '',
  ].join('\n');
}

function guestSide(address: string): string {
  return [
    'link set lo up',
    'link set eth0 up',
    `address add ${address}/32 dev eth0`,
    'route add 10.231.140.1/32 dev eth0',
    'route add default via 10.231.140.1 dev eth0',
    '',
  ].join('\n');
}
