import type { Host } from '../testbed/host.ts';
import { type Contender, now } from './contender.ts';

/**
 * Podman's Quadlet on the same tree: the file is dropped, the generators run, the service starts. It is spared making a
 * network. Its storage is on a tmpfs, since it puts no overlay on the overlay that a test host's disk is.
 */
export async function quadlet(host: Host): Promise<Contender> {
  await host.exec(['mkdir', '-p', '/var/lib/containers']);
  await host.exec(['mount', '-t', 'tmpfs', 'tmpfs', '/var/lib/containers']);
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
