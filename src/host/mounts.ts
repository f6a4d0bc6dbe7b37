import { readdir, readFile, readlink } from 'node:fs/promises';

/** One line of proc_pid_mountinfo(5). */
export interface Mount {
  /** Unique while it is mounted. */
  readonly id: string;
  /** Of the file system, such as `ext4`. */
  readonly type: string;
  /** `MAJOR:MINOR` of the file system. */
  readonly device: string;
  /** Which directory of the file system is mounted. */
  readonly root: string;
  readonly mountPoint: string;
}

/** Reads no file system but proc: a hung mount of a guest's holds nobody up. */
export async function mountsOf(pid: number | 'self'): Promise<readonly Mount[]> {
  const text = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [id = '', , device = '', root = '', mountPoint = ''] = line.split(' ');
      const [, , type = ''] = line.slice(line.indexOf(' - ')).split(' ');
      return { id, type, device, root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint) };
    });
}

/** Where in its file system a path of the host is. */
export function placeInFileSystem(path: string, mounts: readonly Mount[]): Pick<Mount, 'device' | 'root'> {
  // The last of several on one mount point is the one that is seen.
  const holding = mounts
    .filter(({ mountPoint }) => isAtOrBelow(path, mountPoint))
    .reduce<Mount | null>(
      (best, mount) => (best !== null && best.mountPoint.length > mount.mountPoint.length ? best : mount),
      null,
    );
  if (holding === null) return { device: '', root: path };
  const rest = path.slice(holding.mountPoint === '/' ? 0 : holding.mountPoint.length);
  return { device: holding.device, root: `${holding.root === '/' ? '' : holding.root}${rest}` || '/' };
}

/** A process of every mount namespace besides our own. */
export async function processPerMountNamespace(): Promise<readonly number[]> {
  const own = (await mountNamespaceOf('self')) ?? '';
  const byNamespace = new Map<string, number>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const namespace = (await mountNamespaceOf(entry)) ?? own;
    if (namespace !== own && !byNamespace.has(namespace)) byNamespace.set(namespace, Number(entry));
  }
  return [...byNamespace.values()];
}

/** Whether a process sees other mounts than the host's first one; false where that may not be known. */
export async function hasOwnMounts(pid: number | 'self'): Promise<boolean> {
  const [own, first] = await Promise.all([pid, 1].map(mountNamespaceOf));
  return own !== null && first !== null && own !== first;
}

/** Null: it is gone, or not for us to know. */
function mountNamespaceOf(pid: string | number): Promise<string | null> {
  return readlink(`/proc/${pid}/ns/mnt`).catch(() => null);
}

export function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Spaces and the like are written in octal. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
