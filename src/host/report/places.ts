import { constants } from 'node:fs';
import { access, lstat, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasOwnMounts } from '../mounts.ts';
import { wordOf } from './answer-of.ts';

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
    readonly isActive: boolean;
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
  const [trail, isUnitDirectoryWritable, socketModes, disks, load, active, enabled, mainPid, installed] =
    await Promise.all([
      Promise.all(trailOf(manifests).map(async path => ({ path, stats: await ownedOf(path) }))),
      access('/run/systemd/system', constants.W_OK).then(
        () => true,
        () => false,
      ),
      Promise.all(
        sockets.map(async path => ({ path, mode: (await lstat(path).catch(() => null))?.mode ?? null })),
      ),
      Promise.all(DISKS.map(diskOf)),
      wordOf('systemctl', 'show', '--property=LoadState', '--value', 'nspawnd.service'),
      wordOf('systemctl', 'is-active', 'nspawnd.service'),
      wordOf('systemctl', 'is-enabled', 'nspawnd.service'),
      wordOf('systemctl', 'show', '--property=MainPID', '--value', 'nspawnd.service'),
      stat(program).catch(() => null),
    ]);
  return {
    manifests,
    trail,
    isUnitDirectoryWritable,
    sockets: socketModes,
    disks: disks.filter(disk => disk !== null),
    service: {
      isInstalled: load === 'loaded',
      isActive: active === 'active',
      isEnabled: enabled === 'enabled' || enabled === 'static' || enabled === 'generated',
      hasOwnMounts: Number(mainPid) > 0 && (await hasOwnMounts(Number(mainPid))),
    },
    installedAt: installed?.mtimeMs ?? null,
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
