import { constants } from 'node:fs';
import { access, lstat, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasOwnMounts } from '../mounts.ts';
import { answerOf } from './answer-of.ts';

/** Directories, files and the service, as they are. */
export interface PlacesReport {
  readonly manifests: string;
  /** The directory and every parent, from the top; of what is not there, null. */
  readonly trail: readonly { readonly path: string; readonly stats: Owned | null }[];
  readonly isUnitDirectoryWritable: boolean;
  readonly sockets: readonly { readonly path: string; readonly mode: number | null }[];
  readonly disks: readonly DiskReport[];
  readonly service: {
    readonly isInstalled: boolean;
    readonly isEnabled: boolean;
    /** It sees other mounts than the host's first process, which starts the guests. */
    readonly hasOwnMounts: boolean;
  };
  /** When the program was installed, milliseconds: no clock says less. */
  readonly installedAt: number | null;
}

export interface Owned {
  readonly uid: number;
  readonly mode: number;
  readonly isDirectory: boolean;
}

export interface DiskReport {
  readonly path: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Null where the file system has no fixed number of them. */
  readonly freeFiles: number | null;
}

export interface Places {
  readonly manifests: string;
  readonly sockets: readonly string[];
  readonly program: string;
}

export async function readPlaces({ manifests, sockets, program }: Places): Promise<PlacesReport> {
  const [trail, isUnitDirectoryWritable, socketModes, disks, service, installed] = await Promise.all([
    Promise.all(trailOf(manifests).map(async path => ({ path, stats: await ownedOf(path) }))),
    access('/run/systemd/system', constants.W_OK).then(
      () => true,
      () => false,
    ),
    Promise.all(
      sockets.map(async path => ({ path, mode: (await lstat(path).catch(() => null))?.mode ?? null })),
    ),
    Promise.all(DISKS.map(diskOf)),
    readService(),
    stat(program).catch(() => null),
  ]);
  return {
    manifests,
    trail,
    isUnitDirectoryWritable,
    sockets: socketModes,
    disks: disks.filter(disk => disk !== null),
    service,
    installedAt: installed?.mtimeMs ?? null,
  };
}

async function readService(): Promise<PlacesReport['service']> {
  const properties = '--property=LoadState,UnitFileState,MainPID';
  const shown = (await answerOf('systemctl', 'show', properties, 'nspawnd.service')) ?? '';
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(shown)?.[1] ?? '';
  const mainPid = Number(value('MainPID'));
  return {
    isInstalled: value('LoadState') === 'loaded',
    isEnabled: ['enabled', 'static', 'generated'].includes(value('UnitFileState')),
    hasOwnMounts: mainPid > 0 && (await hasOwnMounts(mainPid)),
  };
}

const DISKS = ['/run', '/var/lib', '/var/lib/machines'];

function trailOf(path: string): readonly string[] {
  return path === '/' ? ['/'] : [...trailOf(dirname(path)), path];
}

async function ownedOf(path: string): Promise<Owned | null> {
  const stats = await stat(path).catch(() => null);
  return stats === null ? null : { uid: stats.uid, mode: stats.mode, isDirectory: stats.isDirectory() };
}

async function diskOf(path: string): Promise<DiskReport | null> {
  const stats = await statfs(path).catch(() => null);
  if (stats === null) return null;
  return {
    path,
    freeBytes: stats.bavail * stats.bsize,
    totalBytes: stats.blocks * stats.bsize,
    freeFiles: stats.files === 0 ? null : stats.ffree,
  };
}
