import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';
import PQueue from 'p-queue';

import { listHosts } from './host-record.ts';
import { makeOnce } from './lock.ts';
import { findMirror } from './mirror.ts';
import { installNpmProgram, type NpmProgram } from './npm-program.ts';
import { cacheDirectory } from './places.ts';
import { reportWhile } from './progress.ts';
import type { Suite } from './suite.ts';

/** What a root tree is made of. Everything in it decides the tree's hash, so a changed recipe is another tree. */
export interface TreeRecipe {
  readonly name: string;
  readonly suite: Suite;
  /** The tree this one adds packages to; without it, the tree is made from nothing. */
  readonly parent?: TreeRecipe;
  readonly packages: readonly string[];
  /** A shell script run inside the finished tree. */
  readonly script: string;
  /** A Debian package made of a program in an npm package, for what the suite itself has too old. */
  readonly npmProgram?: NpmProgram;
}

const makeTreeScript = fileURLToPath(new URL('make-tree.sh', import.meta.url));
const treesDirectory = join(cacheDirectory, 'trees');

/** Trees of other recipes stay for as long as somebody, such as another clone, seems to use them. */
const keepUnusedMs = 24 * 60 * 60 * 1000;

const making = new PQueue({ concurrency: availableParallelism() });
const requested = new Map<string, Promise<string>>();

/**
 * The path of the finished tree, made first if there is none yet. Nobody may write to it: hosts lay a layer of their own above it.
 * Several trees may be asked for at once, also by several processes; each is made once.
 */
export async function ensureTree(recipe: TreeRecipe): Promise<string> {
  const path = await pathOf(recipe);
  const existing = requested.get(path);
  if (existing) return existing;
  const request = findOrMake(recipe, path);
  requested.set(path, request);
  return request;
}

/**
 * Makes a directory with that tree in it as `base`, by links to its files, to lay below a host's /var/lib/machines. Nobody
 * may write to it either.
 */
export async function ensureMachines(tree: string): Promise<void> {
  const path = machinesOf(tree);
  await makeOnce(path, `${tree}.lock`, async () => {
    const making = `${path}.making`;
    await rm(making, { recursive: true, force: true });
    await mkdir(making, { recursive: true });
    await execa('cp', ['--archive', '--link', tree, join(making, 'base')]);
    await rename(making, path);
  });
}

export function machinesOf(tree: string): string {
  return join(cacheDirectory, 'machines', basename(tree));
}

async function findOrMake(recipe: TreeRecipe, path: string): Promise<string> {
  if (recipe.parent && !existsSync(path)) await ensureTree(recipe.parent);
  const isNew = await makeOnce(path, `${path}.lock`, () => making.add(() => make(recipe, path)));
  if (isNew) await removeOldTrees(recipe, path);
  const now = new Date();
  await utimes(`${path}.lock`, now, now);
  return path;
}

async function make(recipe: TreeRecipe, path: string): Promise<void> {
  const target = join(treesDirectory, `.making-${basename(path)}`);
  const mirror = await findMirror();
  const env = {
    TREE_TARGET: target,
    TREE_PARENT: recipe.parent ? await pathOf(recipe.parent) : '',
    TREE_SUITE: recipe.suite,
    TREE_MIRROR: mirror.uri ?? '',
    TREE_APT_OPTIONS: mirror.aptOptions.join('\n'),
    TREE_PACKAGES: recipe.packages.join(' '),
    TREE_SCRIPT: recipe.script,
  };
  await reportWhile(`making the root tree "${recipe.name}" of Debian ${recipe.suite}`, async () => {
    // What somebody was stopped from finishing.
    await rm(target, { recursive: true, force: true });
    try {
      await runIsolated(['sh', makeTreeScript], env);
      if (recipe.npmProgram) await installNpmProgram(recipe.npmProgram, target);
    } catch (error) {
      await rm(target, { recursive: true, force: true });
      throw error;
    }
  });
  await rename(target, path);
}

/** Mounts and processes of the command end with it, and it ends with this process. */
async function runIsolated(argv: readonly string[], env: Record<string, string>): Promise<void> {
  const namespaces = [
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
  ];
  const command = ['--pdeathsig', 'TERM', 'unshare', ...namespaces, ...argv];
  const result = await execa('setpriv', command, { env, all: true, reject: false });
  if (!result.failed) return;
  const lastLines = result.all.split('\n').slice(-30).join('\n');
  throw new Error(`the root tree could not be made: ${result.shortMessage}\n${lastLines}`);
}

async function removeOldTrees(recipe: TreeRecipe, current: string): Promise<void> {
  const inUse = new Set(
    (await listHosts()).flatMap(host => [host.hostTree, host.guestTree, ...Object.values(host.extraTrees)]),
  );
  for (const entry of await readdir(treesDirectory)) {
    const path = join(treesDirectory, entry.replace(/^\.making-/, '').replace(/\.lock$/, ''));
    if (!basename(path).startsWith(`${recipe.name}-${recipe.suite}-`)) continue;
    if (path === current || inUse.has(path)) continue;
    const lastUsed = await stat(`${path}.lock`).catch(() => undefined);
    if (lastUsed && Date.now() - lastUsed.mtimeMs < keepUnusedMs) continue;
    await rm(join(treesDirectory, entry), { recursive: true, force: true });
    await rm(machinesOf(path), { recursive: true, force: true });
  }
}

async function pathOf(recipe: TreeRecipe): Promise<string> {
  return join(treesDirectory, `${recipe.name}-${recipe.suite}-${await hashOf(recipe)}`);
}

async function hashOf(recipe: TreeRecipe): Promise<string> {
  const { parent, ...own } = recipe;
  const parts = [own, parent ? await hashOf(parent) : '', await readFile(makeTreeScript, 'utf8')];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}
