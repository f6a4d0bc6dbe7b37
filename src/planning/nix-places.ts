/** Where Nix has what belongs to one container; the places of NixOS' containers. */

export const NIX_STORE = '/nix/store';
export const NIX_DATABASE = '/nix/var/nix/db';
export const NIX_DAEMON_SOCKET = '/nix/var/nix/daemon-socket';
export const GUEST_PROFILES = '/nix/var/nix/profiles';
export const GUEST_GC_ROOTS = '/nix/var/nix/gcroots';

/** The generations of a container, `system-N-link`, and `system`, which leads to the one in force. */
export function profilesOf(name: string): string {
  return `${GUEST_PROFILES}/per-container/${name}`;
}

export function profileOf(name: string): string {
  return `${profilesOf(name)}/system`;
}

/** The part of its profiles that the guest itself may write to. */
export function userProfilesOf(name: string): string {
  return `${profilesOf(name)}/per-user`;
}

export function gcRootsOf(name: string): string {
  return `${GUEST_GC_ROOTS}/per-container/${name}`;
}

/** One directory per container, outside of what any guest sees: the systems that must not be collected. */
export const KEPT_SYSTEMS = `${GUEST_GC_ROOTS}/nspawnd`;

export function keptSystemsOf(name: string): string {
  return `${KEPT_SYSTEMS}/${name}`;
}

/** What must be there before a guest can have it bound in. A Nix of one user has no socket. */
export function nixDirectories(name: string): readonly string[] {
  return [profilesOf(name), userProfilesOf(name), gcRootsOf(name), NIX_DATABASE, NIX_DAEMON_SOCKET];
}

/** The unit in which the system of a container is built. */
export function buildUnitName(name: string): string {
  return `nspawnd-build@${name}.service`;
}

export function nameOfBuildUnit(unit: string): string | null {
  return /^nspawnd-build@(.+)\.service$/.exec(unit)?.[1] ?? null;
}
