import { LIMIT_NAMES, type LimitName, type Limits } from '../../host/report/limits.ts';
import { type Finding, ok, warn } from './finding.ts';

/**
 * What 200 guests ask of a host, and what is missed by one that has less. That of inotify instances has a check of its own. A
 * guest of a few services has six processes, and three namespaces of a kind at most.
 */
const NEEDED: Readonly<Record<LimitName, { readonly least: number; readonly without: string }>> = {
  'fs.inotify.max_user_watches': { least: 65_536, without: 'guests cannot watch their files' },
  'kernel.keys.maxkeys': { least: 2_000, without: 'services of guests get no keyring' },
  'kernel.pid_max': { least: 8_192, without: 'no process can be started' },
  'kernel.threads-max': { least: 4_096, without: 'no process can be started' },
  'net.ipv4.neigh.default.gc_thresh3': { least: 2_048, without: 'host and guests cannot reach each other' },
  'net.ipv6.neigh.default.gc_thresh3': { least: 2_048, without: 'host and guests cannot reach each other' },
  'user.max_mnt_namespaces': { least: 1_024, without: 'guests and their services cannot be started' },
  'user.max_net_namespaces': { least: 256, without: 'guests get no networks of their own' },
  'user.max_user_namespaces': { least: 256, without: 'guests get no users of their own (--private-users)' },
};

/** One finding for all that are as they should be, and one for each that is not. Pure. */
export function judgeLimits(limits: Limits): readonly Finding[] {
  const low = LIMIT_NAMES.flatMap(name => {
    const value = limits[name];
    const { least, without } = NEEDED[name];
    if (value === null || value >= least) return [];
    return warn(
      'limits',
      `${name} is ${value}: with many guests it runs out, and ${without}`,
      `sysctl -w ${name}=${least}, or more; see what sets it: grep -r ${name} /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d`,
    );
  });
  return low.length > 0
    ? low
    : [ok('limits', 'of inotify watches, keys, neighbours, processes and namespaces are out of the way')];
}
