import { isMapping } from '../api/is-mapping.ts';
import type { Json, JsonObject } from '../api/manifest.ts';
import { ADDRESS_FIELDS, BRIDGE_COMES_LATER, carryAddress, PORTS_COME_LATER } from './address.ts';
import { type Imported, SpecDraft } from './imported.ts';
import type { NixosPlaces } from './nixos-conf.ts';
import { carryNspawnWords } from './nspawn-words.ts';
import { splitWords } from './words.ts';

/** One option of `containers.NAME`: what becomes of its value. */
type Carry = (value: Json, draft: SpecDraft, option: string) => void;

/**
 * The JSON of `containers` of a NixOS configuration, as `nix eval --json` prints it: NAME -> options. Options that are at
 * their default say nothing, except where NixOS' default is not ours.
 */
export function importNixosJson(
  json: JsonObject,
  placesOf: (name: string) => NixosPlaces,
): readonly Imported[] {
  return Object.entries(json).map(([name, container]) => {
    const options = isMapping(container) ? container : {};
    const draft = new SpecDraft();
    const places = placesOf(name);
    draft.set('path', typeof options.path === 'string' ? options.path : places.profile);
    draft.set('root', places.root);
    draft.set('autoStart', options.autoStart === true);
    for (const [option, value] of Object.entries(options)) {
      const isDefault = isEmpty(value) && !(option === 'restartIfChanged' && value === false);
      if (isDefault || HANDLED.has(option)) continue;
      const carry = OPTIONS[option];
      if (carry === undefined) draft.leave(option, 'nspawnd does not know this option');
      else carry(value, draft, option);
    }
    if (options.privateNetwork !== true) leaveHostSide(options, draft);
    return draft.finish(name);
  });
}

const HANDLED: ReadonlySet<string> = new Set(['path', 'autoStart', '_module']);

const same: Carry = (value, draft, option) => draft.set(option, value);
const leave =
  (why: string): Carry =>
  (value, draft, option) =>
    draft.leave(`${option} ${brief(value)}`, why);

/** nixpkgs, nixos/modules/virtualisation/nixos-containers.nix. */
const OPTIONS: Readonly<Record<string, Carry>> = {
  config: leave('the system it was built to is what path names'),
  nixpkgs: leave('the system it was built to is what path names'),
  specialArgs: leave('the system it was built to is what path names'),
  flake: same,
  privateNetwork: same,
  ...Object.fromEntries(ADDRESS_FIELDS.map(field => [field, addressOf(field)])),
  macvlans: same,
  interfaces: same,
  restartIfChanged: same,
  ephemeral: same,
  timeoutStartSec: same,
  privateUsers: (value, draft) => {
    if (value !== 'no') draft.addFlag(`--private-users=${String(value)}`);
  },
  additionalCapabilities: (value, draft) => draft.addFlag(`--capability=${texts(value).join(',')}`),
  enableTun: (value, draft) => {
    // The device itself every guest may use.
    if (value === true) draft.addFlag('--capability=CAP_NET_ADMIN');
  },
  tmpfs: (value, draft) => {
    for (const place of texts(value)) draft.addFlag(`--tmpfs=${place}`);
  },
  bindMounts: (value, draft) => {
    for (const mount of isMapping(value) ? Object.entries(value) : []) carryBind(mount, draft);
  },
  allowedDevices: (value, draft) => {
    for (const device of Array.isArray(value) ? value : [])
      if (!isTun(device))
        draft.leave(
          `allowedDevices ${brief(device)}`,
          'allow it in a drop-in (systemctl edit container@NAME, DeviceAllow=)',
        );
  },
  extraFlags: (value, draft) => carryNspawnWords(texts(value).flatMap(splitWords), draft),
  hostBridge: leave(BRIDGE_COMES_LATER),
  forwardPorts: leave(PORTS_COME_LATER),
  extraVeths: leave('a second link (extraVeths) is not there yet'),
  localMacAddress: leave("the guest's hardware address is derived from its name, and stays the same"),
  networkNamespace: leave(
    'each container gets a network namespace of its own; a foreign one cannot be named',
  ),
};

function addressOf(field: (typeof ADDRESS_FIELDS)[number]): Carry {
  return (value, draft) => {
    if (typeof value === 'string') carryAddress(field, value, draft);
  };
}

function leaveHostSide(options: JsonObject, draft: SpecDraft): void {
  for (const field of ['hostAddress', 'hostAddress6'] as const) {
    if (isEmpty(options[field])) continue;
    draft.unset(field);
    draft.leave(
      `${field} ${brief(options[field])}`,
      "it shares the host's network, where a container has no link",
    );
  }
}

function carryBind([name, mount]: readonly [string, Json], draft: SpecDraft): void {
  const options = isMapping(mount) ? mount : {};
  const target = typeof options.mountPoint === 'string' ? options.mountPoint : name;
  const source = typeof options.hostPath === 'string' ? options.hostPath : target;
  const flag = options.isReadOnly === false ? '--bind' : '--bind-ro';
  // As NixOS hands them over: a colon in a path separates.
  draft.addFlag(source === target ? `${flag}=${target}` : `${flag}=${source}:${target}`);
}

function isTun(device: Json): boolean {
  return isMapping(device) && device.node === '/dev/net/tun';
}

function texts(value: Json): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter(item => typeof item === 'string');
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMapping(value) && Object.keys(value).length === 0;
}

function brief(value: Json | undefined): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
