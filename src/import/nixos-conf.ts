import { ADDRESS_FIELDS, BRIDGE_COMES_LATER, carryAddress, PORTS_COME_LATER } from './address.ts';
import { readEnvironmentFile } from './environment-file.ts';
import { type Imported, SpecDraft } from './imported.ts';
import { carryNspawnWords } from './nspawn-words.ts';
import { splitWords } from './words.ts';

/** Where the state and the system of a NixOS container are: facts of the host. */
export interface NixosPlaces {
  /** Directory of its state. */
  readonly root: string;
  /** `/nix/var/nix/profiles/per-container/NAME/system`. */
  readonly profile: string;
}

/**
 * /etc/containers/NAME.conf and /etc/nixos-containers/NAME.conf: written by NixOS for `containers.NAME`, or by the command
 * nixos-container. Source: nixpkgs, nixos/modules/virtualisation/nixos-containers.nix, and the origin.
 */
export function importNixosConf(name: string, text: string, places: NixosPlaces): Imported {
  const variables = new Map([...readEnvironmentFile(text)].filter(([, value]) => value !== ''));
  const draft = new SpecDraft();
  const take = (variable: string): string | undefined => {
    const value = variables.get(variable);
    variables.delete(variable);
    return value;
  };

  const [systemPath, flake] = [take('SYSTEM_PATH'), take('FLAKE')];
  if (flake !== undefined) {
    // nixos-container builds nixosConfigurations.container where the reference names none.
    draft.set('flake', flake.includes('#') ? flake : `${flake}#container`);
    if (systemPath !== undefined) draft.leave(`SYSTEM_PATH=${systemPath}`, 'the flake says what runs');
  } else draft.set('path', systemPath ?? places.profile);
  draft.set('root', places.root);
  // NixOS' default, written out, because ours is the other.
  draft.set('autoStart', take('AUTO_START') === '1');

  const isPrivate = take('PRIVATE_NETWORK') === '1';
  if (isPrivate) draft.set('privateNetwork', true);
  for (const field of ADDRESS_FIELDS) {
    const variable = VARIABLE[field];
    const address = take(variable);
    if (address === undefined) continue;
    if (!isPrivate && field.startsWith('host'))
      draft.leave(`${variable}=${address}`, "it shares the host's network, where a container has no link");
    else carryAddress(field, address, draft);
  }
  for (const [variable, field] of [
    ['MACVLANS', 'macvlans'],
    ['INTERFACES', 'interfaces'],
  ] as const) {
    const names = splitWords(take(variable) ?? '');
    if (names.length > 0) draft.set(field, names);
  }
  const users = take('PRIVATE_USERS');
  if (users !== undefined && users !== 'no') draft.addFlag(`--private-users=${users}`);
  carryNspawnWords(splitWords(take('EXTRA_NSPAWN_FLAGS') ?? ''), draft);

  for (const [variable, value] of variables) {
    draft.leave(`${variable}=${value}`, LATER[variable] ?? 'it means nothing to nspawnd');
  }
  return draft.finish(name);
}

/** Podman keeps its own files in /etc/containers too: those have sections, and none of these variables. */
export function isNixosConf(text: string): boolean {
  const names = [...readEnvironmentFile(text).keys()];
  return (
    !/^\s*\[/m.test(text) && names.some(name => /^(SYSTEM_PATH|FLAKE|PRIVATE_NETWORK|AUTO_START)$/.test(name))
  );
}

const VARIABLE = {
  hostAddress: 'HOST_ADDRESS',
  localAddress: 'LOCAL_ADDRESS',
  hostAddress6: 'HOST_ADDRESS6',
  localAddress6: 'LOCAL_ADDRESS6',
} as const;

const LATER: Readonly<Record<string, string>> = {
  HOST_BRIDGE: BRIDGE_COMES_LATER,
  HOST_PORT: PORTS_COME_LATER,
  LOCAL_MAC_ADDRESS: "the guest's hardware address is derived from its name, and stays the same",
  NETWORK_NAMESPACE_PATH: 'each container gets a network namespace of its own; a foreign one cannot be named',
  COPY_RESOLV_CONF: 'write resolvConf: copy-host where it is wanted',
};
