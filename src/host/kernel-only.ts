import type { FileHandle } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { guestMounts, hostMounts, isAtOrBelow, type Mount } from './mounts.ts';

/** File systems that answer without asking anybody in user space, or on another machine. */
const LOCAL: ReadonlySet<string> = new Set([
  'bcachefs',
  'btrfs',
  'devpts',
  'erofs',
  'ext2',
  'ext3',
  'ext4',
  'f2fs',
  'jfs',
  'ramfs',
  'squashfs',
  'tmpfs',
  'xfs',
  'zfs',
]);

/**
 * Whether the kernel alone answers for the file system that a handle (of O_PATH) is on. A guest can mount one whose server
 * never answers (fuse, nfs, 9p, autofs), and nobody who waits for that can be woken up again.
 *
 * What the host has mounted itself is trusted, and so is what nspawn lays over it as the guest's root. Of a guest that has
 * more mounts than can be looked through nothing is. It is decided from what is open already, by its mount, so that nothing
 * can be mounted over it between the look and the use.
 */
export async function isKernelOnly(handle: FileHandle, leader: number): Promise<boolean> {
  const info = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'latin1').catch(() => '');
  const id = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  const mount = (await guestMounts(leader))?.find(candidate => candidate.id === id);
  return mount !== undefined && (await areTrusted([mount]));
}

/**
 * Whether a guest has mounted something else on the way to a path of its own. It may do so right after the look, so that this
 * only spares what `isKernelOnly` decides.
 */
export async function isMountedOver(path: string, leader: number): Promise<boolean> {
  const mounts = await guestMounts(leader);
  if (mounts === null) return true;
  return !(await areTrusted(mounts.filter(({ mountPoint }) => isAtOrBelow(path, mountPoint))));
}

async function areTrusted(mounts: readonly Mount[]): Promise<boolean> {
  const others = mounts.filter(mount => !LOCAL.has(mount.type) && !isGuestRoot(mount));
  if (others.length === 0) return true;
  const hosts = new Set((await hostMounts()).map(({ device }) => device));
  return others.every(({ device }) => hosts.has(device));
}

function isGuestRoot({ mountPoint, type }: Mount): boolean {
  return mountPoint === '/' && type === 'overlay';
}
