import type { Host } from '../testbed/host.ts';
import { type Contender, now } from './contender.ts';

/** Podman's Quadlet on the same tree: the file is dropped, the generators run, the service starts. */
export function quadlet(host: Host): Contender {
  const file = (name: string) => `/etc/containers/systemd/${name}.container`;
  return {
    name: 'Podman Quadlet',
    async start(name) {
      const text = [
        '[Container]',
        `ContainerName=${name}`,
        'Rootfs=/var/lib/machines/base:O',
        'Exec=/sbin/init',
        'Notify=true',
        'Network=none',
        'PodmanArgs=--systemd=always --cgroups=split',
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
