import type { Host } from '../testbed/host.ts';
import { type Contender, now } from './contender.ts';

/** Podman's Quadlet on the same tree: the file is dropped, the generators run, the service starts. It is spared making a network. */
export async function quadlet(host: Host): Promise<Contender> {
  await givePodmanStorage(host);
  const file = (name: string) => `/etc/containers/systemd/${name}.container`;
  return {
    name: 'Podman Quadlet, no network',
    async start(name) {
      const text = [
        '[Container]',
        `ContainerName=${name}`,
        'Rootfs=/var/lib/machines/base:O',
        'Exec=/sbin/init',
        'Notify=true',
        'Network=none',
        'PodmanArgs=--systemd=always',
        '',
      ].join('\n');
      await host.writeFile(`${file(name)}.aside`, text);
      const begin = now();
      await host.mv(`${file(name)}.aside`, file(name));
      await host.exec(['systemctl', 'daemon-reload']);
      await host.exec(['systemctl', 'start', '--no-block', `${name}.service`]);
      return begin;
    },
    unit: name => `${name}.service`,
    async remove(name) {
      await host.exec(['systemctl', 'stop', `${name}.service`], { reject: false });
      await host.rm(file(name));
      await host.exec(['systemctl', 'daemon-reload']);
    },
  };
}

/** On a tmpfs: Podman puts no overlay on the overlay that a test host's disk is. */
export async function givePodmanStorage(host: Host): Promise<void> {
  const storage = '/var/lib/containers';
  await host.exec(['mkdir', '-p', storage]);
  const { exitCode } = await host.exec(['mountpoint', '-q', storage], { reject: false });
  if (exitCode !== 0) await host.exec(['mount', '-t', 'tmpfs', 'tmpfs', storage]);
}
