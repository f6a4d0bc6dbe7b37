import { lstatSync, readFileSync } from 'node:fs';
import { toFileStats } from './file-stats.ts';
import { errnoOf, type Stat, statOf } from './walk.ts';

/**
 * lstat for the many files of one scan. Handing each question to another thread costs several times what the kernel takes
 * for its answer, so files of this machine's own file systems are asked for directly. What may not answer, such as a
 * server's, is asked for as before: it holds nobody up.
 */
export function localStat(mountInfo: string = readMountInfo()): Stat {
  const elsewhere = mountPoints(mountInfo);
  if (elsewhere === null) return statOf;
  return path => (elsewhere.some(point => isBelow(path, point)) ? statOf(path) : statNow(path));
}

function statNow(path: string): ReturnType<Stat> {
  try {
    return Promise.resolve(toFileStats(lstatSync(path, { bigint: true })));
  } catch (error) {
    return Promise.resolve(errnoOf(error));
  }
}

let lastRead: { readonly mountInfo: string; readonly elsewhere: readonly string[] | null } | null = null;

/** Those where somebody else has to answer; null: nobody knows. Most scans find what the last one has read. */
function mountPoints(mountInfo: string): readonly string[] | null {
  if (lastRead?.mountInfo !== mountInfo) lastRead = { mountInfo, elsewhere: readMountPoints(mountInfo) };
  return lastRead.elsewhere;
}

/** proc_pid_mountinfo(5). */
function readMountPoints(mountInfo: string): readonly string[] | null {
  if (mountInfo === '') return null;
  const found: string[] = [];
  for (const line of mountInfo.split('\n')) {
    if (line === '') continue;
    const [before = '', after = ''] = line.split(' - ');
    const point = before.split(' ')[4];
    const [type = ''] = after.split(' ');
    if (point === undefined || type === '') return null;
    if (!LOCAL.has(type)) found.push(point.replace(/\\(\d{3})/g, (_, octal: string) => character(octal)));
  }
  return found;
}

function character(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8));
}

function isBelow(path: string, point: string): boolean {
  return path === point || point === '/' || path.startsWith(`${point}/`);
}

function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

/** File systems that this machine's own kernel answers for, from memory or from its disks. */
const LOCAL = new Set([
  ...['bcachefs', 'btrfs', 'erofs', 'ext2', 'ext3', 'ext4', 'f2fs', 'squashfs', 'vfat', 'xfs', 'zfs'],
  ...['devtmpfs', 'overlay', 'ramfs', 'rootfs', 'tmpfs'],
  ...['bpf', 'cgroup', 'cgroup2', 'configfs', 'debugfs', 'devpts', 'hugetlbfs', 'mqueue', 'nsfs', 'proc'],
  ...['pstore', 'securityfs', 'sysfs', 'tracefs'],
]);
