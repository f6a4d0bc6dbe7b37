import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Generation } from '../api/generation.ts';
import type { SourceFacts, SystemFacts } from '../planning/nix-facts.ts';
import { NIX_STORE, profileOf, profilesOf } from '../planning/nix-places.ts';
import { run } from './command.ts';
import { errorCode, listDirectory, lstatIfExists, readFileIfExists, removeFile } from './files.ts';

/** Profiles as Nix keeps them: `system-N-link` for each generation, and `system`, which names one of them. */

const NIX_TIMEOUT_MS = 60_000;
const MAX_PLATFORM_BYTES = 256;

/** Where the profile of a container leads; null while there is none. */
export async function observeSystem(name: string): Promise<SystemFacts | null> {
  const profile = profileOf(name);
  const link = await readlinkIfExists(profile);
  if (link === null) return null;
  const generation = Number(/^system-([0-9]+)-link$/.exec(basename(link))?.[1] ?? 0);
  const closure = await realpathIfExists(profile);
  if (closure === null || !isStorePath(closure)) {
    const target = await readlinkIfExists(join(profilesOf(name), link));
    return { closure: closure ?? target ?? link, generation, isUsable: false, platform: '' };
  }
  const [isUsable, platform] = await Promise.all([
    hasInit(closure),
    readFileIfExists(join(closure, 'system'), MAX_PLATFORM_BYTES),
  ]);
  return { closure, generation, isUsable, platform: (platform ?? '').trim() };
}

/** Follows a `path` of a manifest to its end, which has to be a system in the store. */
export async function observeClosure(path: string): Promise<SourceFacts> {
  const closure = await realpathIfExists(path);
  if (closure === null) {
    const isLink = (await lstatIfExists(path))?.isSymbolicLink() ?? false;
    const what = isLink ? 'leads to what does not exist' : 'does not exist';
    return {
      state: 'bad',
      reason: 'ClosureMissing',
      message: `${path} ${what}; it goes on as soon as it does`,
    };
  }
  const where = closure === path ? path : `${path} leads to ${closure}, which`;
  if (!isStorePath(closure)) {
    const message = `${where} is no system of Nix: those are directly below ${NIX_STORE}; for a plain tree use root`;
    return { state: 'bad', reason: 'NotAClosure', message };
  }
  if (await hasInit(closure)) return { state: 'closure', closure };
  return { state: 'bad', reason: 'NotAClosure', message: `${where} is no system: it has no init` };
}

export async function generationsOf(name: string): Promise<readonly Generation[]> {
  const directory = profilesOf(name);
  const current = await readlinkIfExists(profileOf(name));
  const entries = await listDirectory(directory);
  const generations = await Promise.all(
    entries.map(async (entry): Promise<Generation | null> => {
      const number = Number(/^system-([0-9]+)-link$/.exec(entry)?.[1] ?? 0);
      const path = join(directory, entry);
      const [closure, link] = await Promise.all([readlinkIfExists(path), lstatIfExists(path)]);
      if (number === 0 || closure === null || link === null) return null;
      const isCurrent = current !== null && basename(current) === entry;
      return { number, createdAt: new Date(Number(link.mtimeMs)).toISOString(), closure, isCurrent };
    }),
  );
  return generations.filter(generation => generation !== null).sort((a, b) => a.number - b.number);
}

/** Makes a generation of it, unless it is the newest one already. Nix refuses what is not valid in its store. */
export async function setProfile(programs: string, profile: string, closure: string): Promise<void> {
  await runNix(programs, ['-p', profile, '--set', closure], profile);
}

export async function switchGeneration(programs: string, profile: string, generation: number): Promise<void> {
  await runNix(programs, ['-p', profile, '--switch-generation', String(generation)], profile);
}

async function runNix(programs: string, args: readonly string[], profile: string): Promise<void> {
  await removeForeignLock(profile);
  await run(join(programs, 'nix-env'), args, { timeoutMs: NIX_TIMEOUT_MS, env: { HOME: '/root' } });
}

/**
 * Nix opens `PROFILE.lock` and writes to it. Guests of ours cannot leave a link to one of the host's files there; one that
 * NixOS' own tools ran before, with its profiles writable, could.
 */
export async function removeForeignLock(profile: string): Promise<void> {
  const lock = await lstatIfExists(`${profile}.lock`);
  if (lock !== null && (!lock.isFile() || Number(lock.nlink) > 1)) await removeFile(`${profile}.lock`);
}

export function isStorePath(path: string): boolean {
  return path.startsWith(`${NIX_STORE}/`) && !path.slice(NIX_STORE.length + 1).includes('/');
}

/** The store is the host's, so a link in it may be followed. */
async function hasInit(closure: string): Promise<boolean> {
  return unlessMissing(async () => (await stat(join(closure, 'init'))).isFile(), false);
}

function realpathIfExists(path: string): Promise<string | null> {
  return unlessMissing<string | null>(() => realpath(path), null);
}

async function readlinkIfExists(path: string): Promise<string | null> {
  return unlessMissing<string | null>(
    async () => ((await lstat(path)).isSymbolicLink() ? await readlink(path) : null),
    null,
  );
}

async function unlessMissing<T>(look: () => Promise<T>, missing: T): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(error))) return missing;
    throw error;
  }
}
