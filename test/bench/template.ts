import type { Host } from '../testbed/host.ts';
import { type Contender, now, ROOT } from './contender.ts';

/** Debian's own systemd-nspawn@.service with a drop-in, as its documentation has it. */
export function template(host: Host): Contender {
  const unit = (name: string) => `systemd-nspawn@${name}.service`;
  const directory = (name: string) => `/run/systemd/system/${unit(name)}.d`;
  return {
    name: 'systemd-nspawn@ with a drop-in',
    async start(name) {
      const text = `[Service]\nExecStart=\nExecStart=${argv(name).join(' ')}\n`;
      const begin = now();
      await host.writeFile(`${directory(name)}/container.conf`, text, { inPlace: true });
      await host.exec(['systemctl', 'start', '--no-block', unit(name)]);
      return begin;
    },
    unit,
    async remove(name) {
      await host.exec(['systemctl', 'stop', unit(name)], { reject: false });
      await host.rm(directory(name));
    },
  };
}

function argv(name: string): readonly string[] {
  return [
    'systemd-nspawn',
    '--quiet',
    '--keep-unit',
    '--boot',
    '--notify-ready=yes',
    '--link-journal=no',
    '--network-veth',
    '--volatile=overlay',
    `--machine=${name}`,
    `--directory=${ROOT}`,
  ];
}
