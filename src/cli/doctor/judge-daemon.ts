import type { OverallStatus, SourceStatus } from '../../controller/ports.ts';
import type { PlacesReport } from '../../host/report/places.ts';
import { count } from '../../view/source-footer.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** What the daemon says, or why it says nothing. */
export type Daemon =
  | { readonly answers: true; readonly version: string; readonly source: OverallStatus }
  | { readonly answers: false; readonly error: string; readonly hint: string };

/** The service, and the two ends of one version. Pure. */
export function judgeDaemon(
  daemon: Daemon,
  { service }: Pick<PlacesReport, 'service'>,
  ownVersion: string,
): readonly Finding[] {
  const boot = service.isEnabled
    ? []
    : [warn('at boot', 'nspawnd does not start when the host boots', 'systemctl enable nspawnd')];
  if (!daemon.answers) {
    const isThere = service.isInstalled;
    const fix = isThere ? daemon.hint : 'install the package nspawnd';
    return [
      fail('nspawnd', isThere ? daemon.error : 'is not installed as a service', fix),
      ...(isThere ? boot : []),
    ];
  }
  const version =
    daemon.version === ownVersion
      ? ok('nspawnd', `answers; version ${ownVersion}, as nspawnctl`)
      : warn('nspawnd', `is ${daemon.version}, nspawnctl is ${ownVersion}`, 'systemctl restart nspawnd');
  return [version, ...boot, ...mounts(service), directory(daemon.source), ...names(daemon.source)];
}

/** Networks are files in /run/netns: who mounts them elsewhere makes them for nobody. */
function mounts({ hasOwnMounts }: PlacesReport['service']): readonly Finding[] {
  if (!hasOwnMounts) return [];
  return [
    fail(
      'mounts',
      'nspawnd.service has mounts of its own: guests are not given the networks that it makes',
      'take from its drop-ins what makes them (ProtectSystem=, ReadWritePaths=, PrivateTmp= and the like): systemctl cat nspawnd',
    ),
  ];
}

function names({ namesFault }: OverallStatus): readonly Finding[] {
  if (namesFault === '') return [];
  return [
    fail(
      'names',
      `the hosts files do not have all names of containers: ${namesFault}`,
      'mend that (ls -l /etc/hosts; findmnt -T /etc/hosts); nspawnd tries again by itself',
    ),
  ];
}

function directory(source: SourceStatus): Finding {
  const check = 'files';
  if (!source.isHealthy)
    return fail(check, source.message, 'mend that; until then nothing is deleted and nothing is changed');
  if (source.held !== null)
    return warn(
      check,
      `${count(source.held.names.length, 'deletion')} held until you say so`,
      'nspawnctl prune',
    );
  if (source.problems.length > 0)
    return warn(
      check,
      `${count(source.problems.length, 'problem')}; the last good versions stay in force`,
      `nspawnctl validate ${source.directory}`,
    );
  return ok(check, `${source.files} in ${source.directory}, all valid`);
}
