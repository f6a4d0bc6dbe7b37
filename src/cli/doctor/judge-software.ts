import { guestLimit } from '../../host/inotify-limit.ts';
import type { Software } from '../../host/report/software.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** The first systemd that has all nspawnd needs: Debian 12's. */
const OLDEST_SYSTEMD = 252;

/** Programs, the kernel's limits and what they allow. Pure. */
export function judgeSoftware(software: Software): readonly Finding[] {
  return [
    systemd(software),
    nspawn(software),
    machined(software),
    ...features(software),
    software.ip === null
      ? fail('ip', 'is not installed; no container gets a network', 'install iproute2')
      : ok('ip', /iproute2-([\w.]+)/.exec(software.ip)?.[1] ?? software.ip),
    software.nft === null
      ? warn('nft', 'is not installed: guests can forge the addresses of others', 'install nftables')
      : ok('nft', lastWord(software.nft.replace(/ \(.*/, ''))),
    ok(
      'nix',
      software.nix === null ? 'not installed; only path, config and flake need it' : lastWord(software.nix),
    ),
    ok('node', software.node),
    controlGroups(software),
    inotify(software),
  ];
}

function systemd({ systemdVersion }: Software): Finding {
  if (systemdVersion === null)
    return fail(
      'systemd',
      'does not answer: it is not PID 1 here, or its bus is not there',
      'see why: systemctl status; nspawnd needs a host that systemd has booted',
    );
  if (systemdVersion < OLDEST_SYSTEMD)
    return fail('systemd', `${systemdVersion} is too old`, `upgrade to ${OLDEST_SYSTEMD} or newer`);
  return ok('systemd', String(systemdVersion));
}

function nspawn({ nspawnHelp }: Software): Finding {
  if (nspawnHelp === null)
    return fail('systemd-nspawn', 'is not installed', 'install systemd-container (Debian) or systemd-nspawn');
  const missing = ['--network-namespace-path', '--notify-ready'].filter(
    option => !nspawnHelp.includes(option),
  );
  if (missing.length > 0)
    return fail(
      'systemd-nspawn',
      `has no ${missing.join(' and no ')}`,
      `upgrade systemd to ${OLDEST_SYSTEMD}`,
    );
  return ok('systemd-nspawn', 'joins a prepared network; guests say when they are ready');
}

function machined({ doesMachinedAnswer, isMachinedInstalled }: Software): Finding {
  if (doesMachinedAnswer) return ok('machined', 'answers');
  return isMachinedInstalled
    ? fail(
        'machined',
        'does not answer on the system bus',
        'see why: systemctl status dbus systemd-machined; journalctl -u systemd-machined -n 20',
      )
    : fail('machined', 'is not installed', 'install systemd-container (Debian) or systemd-machined');
}

/** What only newer versions can. Nothing is wrong without; one wants to know before one writes it. */
function features({ systemdVersion, nspawnHelp, kernel }: Software): readonly Finding[] {
  if (systemdVersion === null || nspawnHelp === null) return [];
  const has = (option: string) => nspawnHelp.includes(option);
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  const without = [
    ...(systemdVersion < 262 ? ['--private-users together with a network of its own (systemd 262)'] : []),
    ...(systemdVersion < 254 ? ['terminals through the guest’s systemd (254)'] : []),
    ...(has('--private-users-ownership') ? [] : ['mapped ownership of roots']),
    ...(has('--bind-user') ? [] : ['--bind-user']),
    ...(major > 6 || (major === 6 && minor >= 17)
      ? []
      : ['IPv6 between guests without forwarding on all links (Linux 6.17)']),
  ];
  return [ok('features', without.length === 0 ? 'all there are' : `all but ${without.join('; ')}`)];
}

function controlGroups({ controllers }: Software): Finding {
  if (controllers === null)
    return fail(
      'cgroup',
      'the control groups are not of version 2',
      'boot without systemd.unified_cgroup_hierarchy=0',
    );
  const missing = ['cpu', 'memory', 'pids'].filter(name => !controllers.includes(name));
  if (missing.length === 0) return ok('cgroup', `version 2, with ${controllers.join(', ')}`);
  return warn(
    'cgroup',
    `version 2 without ${missing.join(', ')}: such limits are not kept, and nspawnctl top does not know`,
    'boot without cgroup_disable=; on a host that is itself a container: have them delegated to it',
  );
}

function inotify({ inotifyInstances }: Software): Finding {
  const file = 'fs.inotify.max_user_instances';
  if (inotifyInstances === null)
    return warn('inotify', `${file} cannot be read`, 'see whether /proc is mounted');
  const limit = guestLimit(inotifyInstances);
  if (limit === null) return ok('inotify', `${file} is ${inotifyInstances}`);
  return warn(
    'inotify',
    `${file} is ${inotifyInstances}: enough for ${limit} guests at once, the next one waits`,
    `sysctl -w ${file}=8192, and put it into /etc/sysctl.d`,
  );
}

function lastWord(text: string): string {
  return /(\S+)\s*$/.exec(text.split('\n')[0] ?? '')?.[1]?.replace(/^v(?=\d)/, '') ?? text;
}
