import { LIMIT_NAMES, type LimitName, type Limits } from '../../host/report/limits.ts';
import { type Finding, ok, warn } from './finding.ts';

/** What the package asks of a host for 200 guests, and what is missed by one that has less. The first is inotify's own check. */
const NEEDED: Readonly<Record<LimitName, { readonly least: number; readonly without: string }>> = {
  'fs.inotify.max_user_watches': { least: 65_536, without: 'guests cannot watch their files' },
  'kernel.keys.maxkeys': { least: 2_000, without: 'services of guests get no keyring' },
  'net.ipv4.neigh.default.gc_thresh3': { least: 2_048, without: 'host and guests cannot reach each other' },
  'net.ipv6.neigh.default.gc_thresh3': { least: 2_048, without: 'host and guests cannot reach each other' },
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
      `systemctl restart systemd-sysctl, or see what sets it: grep -r ${name} /etc/sysctl.d /usr/lib/sysctl.d`,
    );
  });
  return low.length > 0 ? low : [ok('limits', 'of inotify watches, keys and neighbours are out of the way')];
}
