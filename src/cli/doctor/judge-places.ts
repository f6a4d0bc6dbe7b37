import type { DiskReport, Owned, PlacesReport } from '../../host/report/places.ts';
import { distrust, distrustParent } from '../../manifests/trust.ts';
import { formatBytes } from '../view/bytes.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const MIB = 1024 * 1024;

/** Directories, sockets, disks and the clock. Pure. */
export function judgePlaces(places: PlacesReport, { isRoot, isTrusted, now }: Judge): readonly Finding[] {
  return [
    ...(isTrusted ? [] : [manifests(places)]),
    isRoot ? unitDirectory(places) : ok('unit directory', '/run/systemd/system: only root can say'),
    ...sockets(places),
    ...places.disks.filter(isNews).map(disk),
    clock(places, now),
  ];
}

export interface Judge {
  readonly isRoot: boolean;
  /** The daemon answers, and reads the manifests: whose they may be, its settings say. */
  readonly isTrusted: boolean;
  /** Milliseconds since 1970, by the host's clock. */
  readonly now: number;
}

function manifests({ manifests: directory, trail }: PlacesReport): Finding {
  const missing = trail.find(({ stats }) => stats === null);
  if (missing !== undefined)
    return fail('manifests', `${missing.path} does not exist`, `mkdir -p ${directory}`);
  if (trail.at(-1)?.stats?.isDirectory !== true)
    return fail('manifests', `${directory} is no directory`, `move it away, then: mkdir -p ${directory}`);
  const objections = trail.flatMap(({ path, stats }, index) => {
    const judge = index === trail.length - 1 ? distrust : distrustParent;
    return judge(path, stats as Owned, 0) ?? [];
  });
  const [objection] = objections;
  if (objection === undefined) return ok('manifests', `${directory} is root's alone`);
  const [what = '', command] = objection.split('; run: ');
  return fail('manifests', `${what}: whoever may write there is root`, command ?? `chown root: ${directory}`);
}

function unitDirectory({ isUnitDirectoryWritable }: PlacesReport): Finding {
  return isUnitDirectoryWritable
    ? ok('unit directory', '/run/systemd/system can be written')
    : fail(
        'unit directory',
        '/run/systemd/system cannot be written',
        'see: findmnt /run; ls -ld /run/systemd/system',
      );
}

function sockets({ sockets: all }: PlacesReport): readonly Finding[] {
  return all.flatMap(({ path, mode }) => {
    if (mode === null || (mode & 0o006) === 0) return [];
    return fail('sockets', `${path} is open to every user`, 'systemctl restart nspawnd');
  });
}

/** A file system of its own, or the first one of several places on it. */
function isNews(report: DiskReport, index: number, all: readonly DiskReport[]): boolean {
  return (
    all.findIndex(other => other.totalBytes === report.totalBytes && other.freeBytes === report.freeBytes) ===
    index
  );
}

function disk({ path, freeBytes, totalBytes, freeFiles }: DiskReport): Finding {
  const check = `space in ${path}`;
  const isSmall = path === '/run';
  const message = `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} free`;
  const fix = isSmall ? `see what is in it: du -xh --max-depth=2 ${path}` : `see: df -h ${path}`;
  if (freeFiles !== null && freeFiles < 100) return fail(check, `${freeFiles} files can still be made`, fix);
  if (freeBytes < (isSmall ? 2 : 32) * MIB) return fail(check, message, fix);
  if (freeBytes < (isSmall ? 16 : 512) * MIB) return warn(check, message, fix);
  return ok(check, message);
}

function clock({ installedAt }: PlacesReport, now: number): Finding {
  const shown = new Date(now).toISOString();
  if (installedAt === null || now >= installedAt) return ok('clock', shown);
  return warn(
    'clock',
    `${shown} is before nspawnd was installed (${new Date(installedAt).toISOString()}): times and waits are wrong`,
    'timedatectl set-ntp true, or timedatectl set-time',
  );
}
