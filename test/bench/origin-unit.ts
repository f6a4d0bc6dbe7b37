import type { Host } from '../testbed/host.ts';
import { type Contender, now, ROOT } from './contender.ts';

/**
 * The NixOS module's unit of 2014, in Debian's words: its scripts are files, the guest is Debian (so there is nothing of
 * /nix to bind), and what tells of the end of its boot is a unit in its root. That root is prepared beforehand, on an
 * overlay, since the module knows no volatile ones.
 */
export function originUnit(host: Host): Contender {
  const unit = (name: string) => `origin@${name}.service`;
  let isInstalled: Promise<void> | null = null;
  return {
    name: "the origin's unit, translated",
    async prepare(name) {
      isInstalled ??= install(host);
      await isInstalled;
      await prepareRoot(host, name);
    },
    async start(name) {
      const begin = now();
      await host.writeFile(`/etc/containers/${name}.conf`, configuration, { inPlace: true });
      await host.exec(['systemctl', 'start', '--no-block', unit(name)]);
      return begin;
    },
    unit,
    async remove(name) {
      // Its own stop of a start that failed takes 90 s: the signal that it sends is one that nspawn ignores.
      await host.exec(['systemctl', 'stop', '--no-block', unit(name)], { reject: false });
      await host.exec(['systemctl', 'kill', '--signal=KILL', unit(name)], { reject: false });
      await host.exec(['systemctl', 'stop', unit(name)], { reject: false });
      await host.exec(['systemctl', 'reset-failed', unit(name)], { reject: false });
      await host.exec(['umount', '-l', rootOf(name)], { reject: false });
      await host.rm(`/etc/containers/${name}.conf`);
      await host.rm(`${OVERLAYS}/${name}`);
    },
  };
}

const SCRIPTS = '/usr/local/lib/origin';
const OVERLAYS = '/run/origin';

function rootOf(name: string): string {
  return `/var/lib/origin/${name}`;
}

async function install(host: Host): Promise<void> {
  await host.writeFile('/run/systemd/system/origin@.service', UNIT);
  for (const [script, text] of Object.entries(SCRIPT))
    await host.writeFile(`${SCRIPTS}/${script}`, text, { mode: 0o755 });
  await host.exec(['systemctl', 'daemon-reload']);
}

async function prepareRoot(host: Host, name: string): Promise<void> {
  const [upper, work] = [`${OVERLAYS}/${name}/upper`, `${OVERLAYS}/${name}/work`];
  const root = rootOf(name);
  await host.exec(['mkdir', '-p', upper, work, root]);
  const layers = `lowerdir=${ROOT},upperdir=${upper},workdir=${work}`;
  await host.exec(['mount', '-t', 'overlay', '-o', layers, 'overlay', root]);
  await host.exec(['cp', '-p', `${SCRIPTS}/container-init`, `${root}/container-init`]);
  const units = `${root}/etc/systemd/system`;
  await host.exec(['mkdir', '-p', `${units}/multi-user.target.wants`]);
  await host.exec(['cp', `${SCRIPTS}/container-startup-done.service`, units]);
  await host.exec(['ln', '-s', '../container-startup-done.service', `${units}/multi-user.target.wants/`]);
}

const configuration = `SYSTEM_PATH=/sbin
PRIVATE_NETWORK=1
HOST_ADDRESS=10.231.139.1
LOCAL_ADDRESS=10.231.139.2
`;

const UNIT = `[Unit]
Description=Container '%i'
RequiresMountsFor=/var/lib/origin/%i

[Service]
Environment=INSTANCE=%i root=/var/lib/origin/%i
EnvironmentFile=-/etc/containers/%i.conf
ExecStartPre=${SCRIPTS}/pre-start
ExecStart=${SCRIPTS}/start
ExecStartPost=${SCRIPTS}/post-start
ExecStop=${SCRIPTS}/pre-stop
SyslogIdentifier=container %i
Type=notify
Restart=on-failure
KillMode=mixed
KillSignal=WINCH
`;

const SCRIPT: Readonly<Record<string, string>> = {
  'pre-start': `#!/bin/bash -e
machinectl terminate "$INSTANCE" 2> /dev/null || true
if [ "$PRIVATE_NETWORK" = 1 ]; then
  ip link del dev "ve-$INSTANCE" 2> /dev/null || true
fi
mkdir -p -m 0755 $root/var/lib
rm -f $root/var/lib/startup-done
mkfifo -m 0600 $root/var/lib/startup-done
`,
  start: `#!/bin/bash -e
mkdir -p -m 0755 "$root/etc" "$root/var/lib"
if ! [ -e "$root/etc/os-release" ]; then
  touch "$root/etc/os-release"
fi
if [ "$PRIVATE_NETWORK" = 1 ]; then
  extraFlags+=" --network-veth"
fi
for iface in $MACVLANS; do
  extraFlags+=" --network-macvlan=$iface"
done
EXIT_ON_REBOOT=1 \\
exec systemd-nspawn \\
  --keep-unit \\
  -M "$INSTANCE" -D "$root" $extraFlags \\
  --setenv PRIVATE_NETWORK="$PRIVATE_NETWORK" \\
  --setenv HOST_ADDRESS="$HOST_ADDRESS" \\
  --setenv LOCAL_ADDRESS="$LOCAL_ADDRESS" \\
  --setenv PATH="$PATH" \\
  /container-init "$SYSTEM_PATH/init"
`,
  'post-start': `#!/bin/bash -e
if [ "$PRIVATE_NETWORK" = 1 ]; then
  ifaceHost=ve-$INSTANCE
  ip link set dev $ifaceHost up
  if [ -n "$HOST_ADDRESS" ]; then
    ip addr add $HOST_ADDRESS dev $ifaceHost
  fi
  if [ -n "$LOCAL_ADDRESS" ]; then
    ip route add $LOCAL_ADDRESS dev $ifaceHost
  fi
fi
read x < $root/var/lib/startup-done
rm -f $root/var/lib/startup-done
`,
  'pre-stop': `#!/bin/bash -e
machinectl poweroff "$INSTANCE" || true
`,
  'container-init': `#!/bin/bash -e
if [ "$PRIVATE_NETWORK" = 1 ]; then
  ip link set host0 name eth0
  ip link set dev eth0 up
  if [ -n "$HOST_ADDRESS" ]; then
    ip route add $HOST_ADDRESS dev eth0
    ip route add default via $HOST_ADDRESS
  fi
  if [ -n "$LOCAL_ADDRESS" ]; then
    ip addr add $LOCAL_ADDRESS dev eth0
  fi
fi
exec "$1"
`,
  'container-startup-done.service': `[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo > /var/lib/startup-done'
`,
};
