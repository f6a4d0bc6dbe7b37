import { open, readdir, readFile, readlink } from 'node:fs/promises';
import { readAtMost } from './files.ts';

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

/** Some thousand mounts: more than a guest has, and little enough to be gone through at once. */
const MAX_GUEST_BYTES = 1024 * 1024;

/** Of the host. Reads no file system but proc: a hung mount holds nobody up. */
export async function hostMounts(): Promise<readonly Mount[]> {
  return mountsIn(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
}

/**
 * Of whoever has mounts of their own, and may make as many as they like, with names as long as they like: null where they are
 * more than `maxBytes` of text. Nobody's who is gone. Reads no file system but proc.
 */
export async function guestMounts(pid: number, maxBytes = MAX_GUEST_BYTES): Promise<readonly Mount[] | null> {
  const text = await readMountInfo(pid, maxBytes).catch(() => '');
  return text === null ? null : mountsIn(text);
}

async function readMountInfo(pid: number, maxBytes: number): Promise<string | null> {
  const file = await open(`/proc/${pid}/mountinfo`);
  try {
    return (await readAtMost(file, maxBytes))?.toString('utf8') ?? null;
  } finally {
    await file.close();
  }
}

function mountsIn(text: string): readonly Mount[] {
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
