import type { Host } from './host.ts';

const DROP_IN = '/etc/systemd/system/nspawnd.service.d/options.conf';

/** nspawnd runs with these options from now on, also after a boot of the host; without any, as it was installed. */
export async function setOptions(host: Host, options: readonly string[]): Promise<void> {
  const command = ['/usr/sbin/nspawnd', ...options].join(' ');
  if (options.length === 0) await host.rm(DROP_IN);
  else await host.writeFile(DROP_IN, `[Service]\nExecStart=\nExecStart=${command}\n`);
  await host.exec(['systemctl', 'daemon-reload']);
  await host.exec(['systemctl', 'restart', 'nspawnd']);
}
