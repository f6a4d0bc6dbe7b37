import { constants } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NspawndError } from '../errors.ts';
import type { RootFacts } from '../planning/observed.ts';
import { errorCode, lstatIfExists } from './files.ts';
import { O_PATH, openBelow } from './open-below.ts';

/**
 * A guest's root tree, seen from the host. It is hostile: whoever was root in the guest may have left a symlink to the
 * host's /etc anywhere. Nothing below it is followed; every component is looked at by lstat. (Node has no openat2.)
 */

/** What the origin creates before the start, in order; each path below the root, directories first. */
const SKELETON = [
  { path: 'etc', isDirectory: true },
  { path: 'var', isDirectory: true },
  { path: 'var/lib', isDirectory: true },
  { path: 'etc/os-release', isDirectory: false },
] as const;
/** Of a guest whose system is made by Nix. */
const ROOT_ITSELF = '.';
const USR = 'usr';

/**
 * `isNixMade`: the tree only holds the guest's state, so it need not be there, and has no usr of its own, which nspawn
 * insists on.
 */
export async function observeRoot(root: string, isNixMade = false): Promise<RootFacts> {
  const facts = (state: RootFacts['state'], more: Partial<RootFacts> = {}): RootFacts => ({
    state,
    realPath: '',
    missing: [],
    detail: '',
    ...more,
  });
  const stat = await lstatIfExists(root);
  if (stat === null && isNixMade)
    return facts('ready', {
      realPath: root,
      missing: [ROOT_ITSELF, ...SKELETON.map(({ path }) => path), USR],
    });
  if (stat === null) return facts('missing');
  if (stat.isSymbolicLink()) return facts('symlink', { detail: await realpath(root).catch(() => 'nothing') });
  if (!stat.isDirectory()) return facts('not-a-directory');

  const realPath = await realpath(root);
  const etc = await lstatIfExists(join(root, 'etc'));
  if (etc !== null && !etc.isDirectory()) {
    return facts('unsafe', {
      realPath,
      detail: `${root}/etc is not a directory but ${etc.isSymbolicLink() ? 'a symbolic link' : 'something else'}; nothing is created through it`,
    });
  }
  const missing = await missingSkeleton(root);
  const lacksUsr = isNixMade && (await lstatIfExists(join(root, USR))) === null;
  return facts('ready', { realPath, missing: lacksUsr ? [...missing, USR] : missing });
}

/** Creates what is missing, component by component, and nothing through a symlink. */
export async function prepareRoot(root: string, missing: readonly string[]): Promise<void> {
  if (missing.includes(ROOT_ITSELF)) await mkdir(root, { recursive: true, mode: 0o755 });
  for (const { path, isDirectory } of [...SKELETON, { path: USR, isDirectory: true }]) {
    if (!missing.includes(path)) continue;
    const target = join(root, path);
    await refuseSymlinks(root, path);
    try {
      if (isDirectory) {
        await mkdir(target, 0o755);
      } else {
        const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
        await (await open(target, flags, 0o644)).close();
      }
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** lstat is enough: a link at etc/os-release counts as present, and so does what a tree has below usr/lib. */
async function missingSkeleton(root: string): Promise<readonly string[]> {
  const missing: string[] = [];
  const others = new Set<string>();
  for (const { path } of SKELETON) {
    // Below what we would have to follow, or below what is missing too.
    if (others.has(dirname(path))) continue;
    const stat = missing.includes(dirname(path)) ? null : await lstatIfExists(join(root, path));
    if (stat === null) missing.push(path);
    else if (!stat.isDirectory()) others.add(path);
  }
  const hasVendorRelease = missing.includes('etc/os-release') && (await isBelow(root, 'usr/lib/os-release'));
  return hasVendorRelease ? missing.filter(path => path !== 'etc/os-release') : missing;
}

/** False also where a link would have to be followed. */
async function isBelow(root: string, path: string): Promise<boolean> {
  const found = await openBelow(root, path.split('/'), O_PATH);
  await found?.close();
  return found !== null;
}

async function refuseSymlinks(root: string, path: string): Promise<void> {
  const components = path.split('/');
  for (let depth = 0; depth < components.length; depth++) {
    const component = join(root, ...components.slice(0, depth));
    const stat = await lstatIfExists(component);
    if (stat === null || !stat.isDirectory()) {
      throw new NspawndError('RootUnsafe', `${component} is not a directory; nothing is created through it`);
    }
  }
}
