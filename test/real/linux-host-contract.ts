import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { unitName } from '../../src/api/container.ts';
import { LinuxHost } from '../../src/host/linux-host.ts';
import { hostLinkName } from '../../src/planning/link-name.ts';
import { hostContract } from '../model/host-contract.ts';

/**
 * The contract, held up against the real host. Not run here but bundled and run in a booted host by
 * `host-contract.test.ts`, where nspawnd is stopped.
 */
const UNITS = '/run/systemd/system';
const MACHINED = [
  'org.freedesktop.machine1',
  '/org/freedesktop/machine1',
  'org.freedesktop.machine1.Manager',
];
const run = promisify(execFile);

hostContract('LinuxHost', async () => {
  const port = await LinuxHost.connect({
    runtimeDirectory: '/run/nspawnd',
    stateDirectory: '/var/lib/nspawnd',
    nixPath: '',
    unitDirectory: UNITS,
    hostsFile: '/etc/hosts',
    enableIpv6Forwarding: false,
  });
  return {
    port,
    root: '/var/lib/machines/base',
    killNspawn: name => quietly('systemctl', 'kill', '--kill-whom=main', '-s', 'KILL', unitName(name)),
    guestPowersOff: name => inGuest(name, 'poweroff'),
    guestReboots: name => inGuest(name, 'reboot'),
    systemctlStart: name => quietly('systemctl', 'start', unitName(name)),
    systemctlStop: name => quietly('systemctl', 'stop', unitName(name)),
    deleteLink: name => quietly('ip', 'link', 'del', hostLinkName(name)),
    deleteNamespace: name => quietly('ip', 'netns', 'del', name),
    takeDownSandbox: async name => {
      await rm(`/run/nspawnd/sandboxes/${name}`);
      await quietly('ip', 'link', 'del', hostLinkName(name));
      await quietly('ip', 'netns', 'del', name);
    },
    flushAddresses: name => quietly('ip', 'address', 'flush', 'dev', hostLinkName(name)),
    forgetMachine: name => quietly('busctl', 'call', ...MACHINED, 'UnregisterMachine', 's', name),
    plugIn: async interfaceName => {
      await quietly('ip', 'link', 'add', interfaceName, 'type', 'veth', 'peer', 'name', `${interfaceName}-p`);
      await quietly('ip', 'link', 'set', interfaceName, 'up');
    },
    unplug: interfaceName => quietly('ip', 'link', 'del', interfaceName),
    // Of a template that the host has, so a file of its own and no transient unit.
    runUnit: async unit => {
      await writeFile(`${UNITS}/${unit}`, '[Service]\nExecStart=/bin/sleep infinity\n');
      await quietly('systemctl', 'start', unit);
    },
    putForeignUnit: async (name, text) => {
      const path = `${UNITS}/${unitName(name)}`;
      if (text === null) await rm(path, { force: true });
      else await writeFile(path, text);
      await quietly('systemctl', 'daemon-reload');
    },
    end: async () => undefined,
  };
});

async function inGuest(name: string, verb: string): Promise<void> {
  const { stdout } = await run('machinectl', ['show', '--value', '-p', 'Leader', name]);
  await quietly('nsenter', '-t', stdout.trim(), '-a', 'systemctl', verb);
}

async function quietly(program: string, ...args: readonly string[]): Promise<void> {
  await run(program, [...args], { timeout: 60_000 });
}
