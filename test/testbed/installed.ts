import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { listHosts } from './host-record.ts';
import { makeOnce } from './lock.ts';
import { cacheDirectory, repository } from './places.ts';

/**
 * nspawnd on a test host: the Debian package of this clone's dist/, installed by dpkg into a layer above the host's tree.
 * Both are made once for what is in dist/ (`node deploy/build.mjs` makes that) and shared by all hosts.
 */
const installScript = fileURLToPath(new URL('install-package.sh', import.meta.url));
const packagesDirectory = join(cacheDirectory, 'packages');
const layersDirectory = join(cacheDirectory, 'layers');
/** Everything the package is made of, and what installs it. */
const sources = [
  'dist/root',
  'deploy/debian',
  'deploy/package.mjs',
  'package.json',
  'test/testbed/install-package.sh',
];
const keepUnusedMs = 24 * 60 * 60 * 1000;

/** The package file of what is built in this clone. */
export async function ensurePackage(): Promise<string> {
  if (!existsSync(join(repository, 'dist/root'))) throw new Error('nothing is built; run: npm run build');
  const path = join(packagesDirectory, `nspawnd-${await hashOfSources()}.deb`);
  await once(path, async () => {
    await execa(process.execPath, [join(repository, 'deploy/package.mjs'), path], {
      env: { SOURCE_DATE_EPOCH: '1767225600' },
    });
  });
  return path;
}

/** What dpkg changes in a tree when it installs the package: a directory to lay above the tree. */
export async function ensureInstalled(tree: string): Promise<string> {
  const file = await ensurePackage();
  const layer = join(layersDirectory, `${basename(tree)}-${basename(file, '.deb')}`);
  await once(layer, async () => {
    const making = `${layer}.making`;
    await rm(making, { recursive: true, force: true });
    await mkdir(making, { recursive: true });
    // Its mounts end with it.
    await execa('unshare', ['--mount', '--propagation', 'private', 'sh', installScript, tree, file, making]);
    await rename(join(making, 'written'), layer);
    await rm(making, { recursive: true, force: true });
  });
  return layer;
}

/** Makes it if it is not there, among all processes, and notes that it is used. */
async function once(path: string, make: () => Promise<void>): Promise<void> {
  const lock = `${path}.lock`;
  if (await makeOnce(path, lock, make)) await removeUnused(path);
  const now = new Date();
  await utimes(lock, now, now);
}

async function removeUnused(current: string): Promise<void> {
  const directory = join(current, '..');
  const inUse = new Set((await listHosts()).map(host => host.layer));
  for (const entry of await readdir(directory)) {
    if (!entry.endsWith('.lock')) continue;
    const path = join(directory, basename(entry, '.lock'));
    const { mtimeMs } = await stat(`${path}.lock`).catch(() => ({ mtimeMs: Date.now() }));
    if (path === current || inUse.has(path) || Date.now() - mtimeMs < keepUnusedMs) continue;
    for (const of of [path, `${path}.making`, `${path}.lock`]) await rm(of, { recursive: true, force: true });
  }
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) await addTo(hash, source);
  return hash.digest('hex').slice(0, 12);
}

async function addTo(hash: ReturnType<typeof createHash>, path: string): Promise<void> {
  const full = join(repository, path);
  const entries = await readdir(full).catch(() => null);
  if (entries !== null) for (const entry of entries.sort()) await addTo(hash, join(path, entry));
  else hash.update(`${path}\0`).update(await readlink(full).catch(() => readFile(full)));
}
