import { createHash } from 'node:crypto';
import { mkdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../api/manifest.ts';
import { type NixSource, nixSourceOf } from '../api/nix-source.ts';
import { NspawndError } from '../errors.ts';
import type { NixFacts, SourceFacts } from '../planning/nix-facts.ts';
import { nixDirectories, userProfilesOf } from '../planning/nix-places.ts';
import type { StepArguments } from '../planning/step.ts';
import { lstatIfExists, readFileIfExists } from './files.ts';
import { directoryOf } from './find-program.ts';
import type { GuestSwitch } from './guest-switch.ts';
import type { NixBuilds } from './nix-builds.ts';
import { observeClosure, observeSystem, setProfile, switchGeneration } from './nix-profile.ts';
import type { Records } from './records.ts';

/** Besides $PATH: where the installers of Nix and NixOS put it. */
const NIX_PATHS = [
  '/usr/bin',
  '/nix/var/nix/profiles/default/bin',
  '/run/current-system/sw/bin',
  '/root/.nix-profile/bin',
];
const MAX_CONFIG_BYTES = 1024 * 1024;

export interface NixTools {
  readonly builds: NixBuilds;
  readonly switches: GuestSwitch;
  readonly records: Records;
  /** NIX_PATH of builds. */
  readonly searchPath: string;
}

/** The host's Nix, as far as one container is concerned. */
export class Nix {
  readonly #tools: NixTools;

  constructor(tools: NixTools) {
    this.#tools = tools;
  }

  /** Null for a guest that Nix has no part in. */
  async observe(name: string, manifest: Manifest, invocationId: string): Promise<NixFacts | null> {
    const source = nixSourceOf(name, manifest.spec);
    if (source === null) return null;
    const { builds, switches, records, searchPath } = this.#tools;
    // Before its record is read: one that ends in between is seen as under way, never as not begun.
    const switchingTo = switches.switchingTo(name, invocationId);
    const [programs, found, realised, system, missing, build, lastSwitch, update] = await Promise.all([
      directoryOf('nix-env', NIX_PATHS),
      observeSource(source),
      builds.realised(name),
      observeSystem(name),
      missingDirectories(name),
      builds.observe(name),
      records.lastSwitch(name),
      records.update(name),
    ]);
    return {
      programs,
      searchPath,
      source: found,
      realised,
      system,
      missing,
      build,
      switchingTo,
      lastSwitch,
      update,
    };
  }

  async prepare(name: string, directories: readonly string[]): Promise<void> {
    for (const directory of directories) await mkdir(directory, { recursive: true, mode: 0o755 });
    await refuseLink(userProfilesOf(name));
  }

  async setProfile(name: string, { profile, closure, input }: StepArguments['setProfile']): Promise<void> {
    await setProfile(await requirePrograms(), profile, closure);
    await this.#tools.builds.noteRealised(name, input);
  }

  async switchGeneration({ profile, generation }: StepArguments['switchGeneration']): Promise<void> {
    await switchGeneration(await requirePrograms(), profile, generation);
  }
}

async function observeSource(source: NixSource): Promise<SourceFacts> {
  switch (source.kind) {
    case 'closure':
      return observeClosure(source.path);
    case 'file':
      return observeConfig(source.path);
    case 'text':
    case 'flake':
      return { state: 'given' };
  }
}

/** Only the top file: what it imports may be anywhere, and `nspawnctl update` is for that. */
async function observeConfig(path: string): Promise<SourceFacts> {
  const bad = (message: string): SourceFacts => ({ state: 'bad', reason: 'ConfigMissing', message });
  const found = await stat(path).catch(() => null);
  if (found === null) return bad(`${path} does not exist; it is built as soon as it does`);
  const file = found.isDirectory() ? join(path, 'default.nix') : path;
  const text = await readFollowed(file);
  if (text === null) return bad(`${file} is no file of at most ${MAX_CONFIG_BYTES} bytes`);
  return { state: 'file', digest: createHash('sha256').update(text).digest('hex') };
}

/** A configuration may be a link, as into a checkout: it is the host's own. */
async function readFollowed(path: string): Promise<string | null> {
  const real = await realpath(path).catch(() => null);
  return real === null ? null : readFileIfExists(real, MAX_CONFIG_BYTES);
}

async function missingDirectories(name: string): Promise<readonly string[]> {
  const directories = nixDirectories(name);
  const found = await Promise.all(directories.map(lstatIfExists));
  // A link that the guest could have made counts as missing, and making it says why.
  const guestsOwn = userProfilesOf(name);
  return directories.filter((directory, index) => {
    const stat = found[index] ?? null;
    return stat === null || (directory === guestsOwn && !stat.isDirectory());
  });
}

/** What a guest that NixOS ran before may have put there is bound into the next one writable: it must lead nowhere else. */
export async function refuseLink(directory: string): Promise<void> {
  if ((await lstatIfExists(directory))?.isDirectory()) return;
  throw new NspawndError('UnsafePath', `${directory} is a symbolic link; remove it`);
}

async function requirePrograms(): Promise<string> {
  const programs = await directoryOf('nix-env', NIX_PATHS);
  if (programs === null) throw new NspawndError('CommandMissing', 'nix-env is not installed');
  return programs;
}
