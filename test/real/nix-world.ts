import { readFileSync } from 'node:fs';
import { eventually } from '../testbed/eventually.ts';
import { setOptions } from '../testbed/options.ts';
import type { World } from './world.ts';

/** Small systems made by the host's own Nix, and what stands in for <nixpkgs/nixos>: see `nix/`. */

export const NIX = '/srv/nix';
/** What Nix calls this machine. */
const SYSTEM = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux`;
export const PROFILES = '/nix/var/nix/profiles/per-container';

/** Puts the expressions into the host, and tells nspawnd where <nixpkgs> is. */
export async function plantNix(world: World): Promise<void> {
  const read = (file: string) => readFileSync(new URL(`nix/${file}`, import.meta.url), 'utf8');
  await world.host.writeFile(`${NIX}/system.nix`, read('system.nix'));
  await world.host.writeFile('/srv/nixpkgs/nixos/default.nix', read('nixos.nix'));
  await world.host.writeFile('/srv/flake/flake.nix', read('flake.nix').replace('@system@', SYSTEM));
  await world.host.writeFile('/srv/flake/system.nix', read('system.nix'));
  await setOptions(world.host, ['--nix-path', 'nixpkgs=/srv/nixpkgs']);
}

/** Builds a system and returns its place in the store. Nothing keeps it from being collected but who uses it. */
export async function buildSystem(
  world: World,
  version: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const args = Object.entries({ version, ...more }).flatMap(([name, value]) => ['--argstr', name, value]);
  return world.sh('nix-build', '--no-out-link', `${NIX}/system.nix`, ...args);
}

/** Makes a link, also over another one, as a profile flips. */
export async function link(world: World, target: string, path: string): Promise<void> {
  await world.sh('ln', '-sfn', target, `${path}.new`);
  await world.sh('mv', '-T', `${path}.new`, path);
}

/** A guest of busybox, which says by the FIFO that it is up. */
export function nixGuest(more: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { readiness: 'fifo', ...more };
}

/** A file of the guest's state, as soon as it says this. */
export async function untilSays(world: World, path: string, text: string): Promise<void> {
  await eventually(
    async () => {
      const found = await world.sh('cat', path);
      if (found !== text) throw new Error(found);
      return true;
    },
    { timeoutMs: 60_000, describe: `${path} to say ${text}` },
  );
}

export function stateOf(name: string): string {
  return `/var/lib/nixos-containers/${name}`;
}
