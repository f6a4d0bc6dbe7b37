/**
 * Why a directory cannot be a guest's root, or null. Absolute normalized paths; ask for the path as written and for
 * the real one. `reserved` are our own directories.
 */
export function objectionToRoot(root: string, reserved: readonly string[]): string | null {
  const shownRoot = JSON.stringify(root);
  const system = SYSTEM_DIRECTORIES.find(directory => directory === root);
  if (system !== undefined || LIB.test(root))
    return `${shownRoot} belongs to the host and cannot be a guest's root`;
  const inside = [...SYSTEM_DIRECTORIES, '/lib'].find(directory => isInside(directory, root));
  if (inside !== undefined) return `${shownRoot} contains ${inside} of the host and cannot be a guest's root`;
  const around = NEVER_BELOW.find(directory => isInside(root, directory));
  if (around !== undefined) return `${shownRoot} is below ${around}, where no guest's root can be`;
  const own = reserved.find(
    directory => directory === root || isInside(directory, root) || isInside(root, directory),
  );
  if (own !== undefined) return `${shownRoot} overlaps ${JSON.stringify(own)}, which is nspawnd's own`;
  return null;
}

/** True where `path` is strictly below `directory`. */
export function isInside(path: string, directory: string): boolean {
  return path !== directory && path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Every directory above a path, nearest first. */
export function ancestorsOf(path: string): readonly string[] {
  const ancestors: string[] = [];
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    ancestors.push(path.slice(0, end));
  }
  if (path !== '/') ancestors.push('/');
  return ancestors;
}

const SYSTEM_DIRECTORIES = [
  '/',
  '/bin',
  '/boot',
  '/dev',
  '/etc',
  '/home',
  '/opt',
  '/proc',
  '/root',
  '/run',
  '/run/nspawnd',
  '/sbin',
  '/srv',
  '/sys',
  '/tmp',
  '/usr',
  '/usr/bin',
  '/usr/lib',
  '/usr/sbin',
  '/usr/share',
  '/var',
  '/var/lib',
  '/var/lib/machines',
] as const;

/** /lib and its siblings for other architectures. */
const LIB = /^\/lib(|32|64|x32|exec)$/;

const NEVER_BELOW = ['/proc', '/sys', '/dev', '/run/nspawnd', '/usr/bin', '/usr/lib', '/usr/sbin'] as const;
