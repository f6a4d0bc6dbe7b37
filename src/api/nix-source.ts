/** What a Nix system is made from, as the manifest names it. */
export type NixSource =
  | { readonly kind: 'closure'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'flake'; readonly reference: string; readonly attribute: string };

/** The part of a spec that names it. */
export interface NixFields {
  readonly path?: string | undefined;
  readonly config?: string | undefined;
  readonly flake?: string | undefined;
}

/** Null for a guest that is a plain root tree. */
export function nixSourceOf(name: string, { path, config, flake }: NixFields): NixSource | null {
  if (path !== undefined) return { kind: 'closure', path };
  if (config !== undefined)
    return config.startsWith('/') ? { kind: 'file', path: config } : { kind: 'text', text: config };
  if (flake === undefined) return null;
  const [reference = '', attribute = name] = flake.split('#');
  return { kind: 'flake', reference, attribute };
}

export function isNixMade({ path, config, flake }: NixFields): boolean {
  return path !== undefined || config !== undefined || flake !== undefined;
}

/** Where NixOS keeps the state of a container, and so do we unless `root` says otherwise. */
export function nixRootOf(name: string): string {
  return `/var/lib/nixos-containers/${name}`;
}
