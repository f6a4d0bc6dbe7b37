import type { FileHandle } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { type Mount, mountsOf } from './mounts.ts';

/** File systems that answer without asking anybody in user space, or on another machine. */
const LOCAL: ReadonlySet<string> = new Set([
  'bcachefs',
  'btrfs',
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
 * What the host has mounted itself is trusted, and so is what nspawn lays over it as the guest's root. It is decided from
 * what is open already, by its mount, so that nothing can be mounted over it between the look and the use.
 */
export async function isKernelOnly(handle: FileHandle, leader: number): Promise<boolean> {
  const info = await readFile(`/proc/self/fdinfo/${handle.fd}`, 'latin1').catch(() => '');
  const id = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1];
  const guests = await mountsOf(leader);
  const mount = guests.find(candidate => candidate.id === id);
  if (mount === undefined) return false;
  if (LOCAL.has(mount.type) || isGuestRoot(mount)) return true;
  return (await mountsOf('self')).some(({ device }) => device === mount.device);
}

function isGuestRoot({ mountPoint, type }: Mount): boolean {
  return mountPoint === '/' && type === 'overlay';
}
