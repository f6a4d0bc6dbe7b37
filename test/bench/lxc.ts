import type { Host } from '../testbed/host.ts';
import { type Contender, now, ROOT } from './contender.ts';

/**
 * LXC in the foreground of a unit, on the same tree: the guest's systemd reports to the host's, through the socket that is
 * bound into the guest. Its cgroup stays below its unit's, so that systemd knows whose report it is. No network is made.
 */
export function lxc(host: Host): Contender {
  const unit = (name: string) => `lxc-${name}.service`;
  const config = (name: string) => `/var/lib/lxc/${name}/config`;
  return {
    name: 'LXC, no network',
    async prepare(name) {
      await host.exec(['mkdir', '-p', `${LAYERS}/${name}/rootfs`]);
    },
    async start(name) {
      const begin = now();
      await host.writeFile(config(name), configuration(name), { inPlace: true });
      await host.exec([
        'systemd-run',
        '--quiet',
        '--no-block',
        `--unit=${unit(name)}`,
        '--slice=machine.slice',
        ...PROPERTIES.map(property => `--property=${property}`),
        'lxc-start',
        '--foreground',
        `--name=${name}`,
      ]);
      return begin;
    },
    unit,
    async remove(name) {
      await host.exec(['lxc-stop', `--name=${name}`, '--kill'], { reject: false });
      await host.exec(['systemctl', 'stop', unit(name)], { reject: false });
      await host.exec(['systemctl', 'reset-failed', unit(name)], { reject: false });
      await host.rm(`/var/lib/lxc/${name}`);
      await host.rm(`${LAYERS}/${name}`);
    },
  };
}

const LAYERS = '/run/lxc-layers';
const PROPERTIES = [
  'Type=notify',
  'NotifyAccess=all',
  'Delegate=yes',
  'KillMode=mixed',
  'TimeoutStartSec=30',
];

function configuration(name: string): string {
  return [
    `lxc.uts.name = ${name}`,
    `lxc.rootfs.path = overlay:${ROOT}:${LAYERS}/${name}/rootfs`,
    'lxc.init.cmd = /sbin/init',
    'lxc.net.0.type = empty',
    'lxc.apparmor.profile = unconfined',
    'lxc.cgroup.relative = 1',
    'lxc.mount.auto = proc:mixed sys:mixed cgroup:rw:force',
    'lxc.autodev = 1',
    'lxc.pty.max = 1024',
    'lxc.mount.entry = /run/systemd/notify mnt/notify none bind,create=file 0 0',
    'lxc.environment = NOTIFY_SOCKET=/mnt/notify',
    '',
  ].join('\n');
}
