/**
 * What `extraFlags` may hold: options of systemd-nspawn(1) as `--name` or `--name=value`, but for those with which
 * nspawnd itself holds the container. Pure; the argv they become part of is in `planning/render/nspawn-argv.ts`.
 */
export const MAX_EXTRA_FLAGS = 128;

/** Why a flag cannot be one of them, with what to write instead; null: it can. */
export function objectionToFlag(flag: string): string | null {
  const match = FLAG.exec(flag);
  if (match === null)
    return `not an option such as "--name=value": ${JSON.stringify(flag)} (one option each, long form, its value after "=")`;
  const [, name = '', value] = match;
  const held = heldOption(name);
  if (held !== null) return `--${name} is nspawnd's own to say; ${held}`;
  // Where nspawn expects a value it would take the next word for it.
  if (value === undefined && !WITHOUT_VALUE.has(name))
    return `--${name} needs its value in the same text: "--${name}=VALUE"`;
  return null;
}

/** systemd writes options in lower case; a value may hold anything but NUL. */
const FLAG = /^--([a-z][a-z0-9-]*)(?:=([\s\S]*))?$/;

/** Options that take no value, or may do without; systemd-nspawn(1) of systemd 252 to 262. */
const WITHOUT_VALUE: ReadonlySet<string> = new Set([
  'read-only',
  'private-users',
  'private-users-chown',
  'no-ask-password',
  'no-pager',
]);

/** By option, or by the beginning of options: what says it here. */
const HELD: Readonly<Record<string, string>> = {
  machine: 'the name is metadata.name',
  directory: 'write spec.root',
  image: 'the root is a directory: write spec.root',
  'image-policy': 'the root is a directory: write spec.root',
  template: 'the root is a directory: write spec.root',
  'oci-bundle': 'the root is a directory: write spec.root',
  'root-hash': 'the root is a directory: write spec.root',
  'root-hash-sig': 'the root is a directory: write spec.root',
  'verity-data': 'the root is a directory: write spec.root',
  boot: 'it is what happens without spec.command',
  'as-pid2': 'it is what happens with spec.command',
  'keep-unit': 'the unit is always kept',
  register: 'every container is registered',
  slice: 'for a drop-in: systemctl edit container@NAME',
  property: 'for a drop-in: systemctl edit container@NAME',
  settings: 'the manifest is the only place of settings',
  'notify-ready': 'write spec.readiness',
  'kill-signal': 'a stop is always a clean power-off; see spec.timeoutStopSec',
  'private-network': 'write spec.privateNetwork',
  'network-interface': 'write spec.interfaces',
  'network-macvlan': 'write spec.macvlans',
  'network-ipvlan': 'a network is made before the guest: write spec.macvlans or spec.privateNetwork',
  'network-veth': 'write spec.privateNetwork',
  'network-veth-extra': 'a network is made before the guest: write spec.privateNetwork',
  'network-bridge': 'a network is made before the guest: write spec.privateNetwork',
  'network-zone': 'a network is made before the guest: write spec.privateNetwork',
  'network-namespace-path': 'write spec.privateNetwork',
  port: 'route to spec.localAddress instead',
  uuid: "it is derived from the host's and the name",
  ephemeral: 'write spec.ephemeral',
  volatile: 'write spec.volatile',
  'resolv-conf': 'write spec.resolvConf',
  'link-journal':
    "guests that share a tree would steal each other's; read the console: journalctl -u container@NAME",
  quiet: 'the console is in the journal anyway',
  console: 'the console is in the journal',
  pipe: 'the console is in the journal',
  background: 'the console is in the journal',
  cleanup: 'nspawnd cleans up by itself',
  system: "containers are always the system's",
  help: 'it would start nothing',
  version: 'it would start nothing',
};

/** getopt_long(3) takes an abbreviation for the whole: what abbreviates a held option is held. */
function heldOption(name: string): string | null {
  const exact = HELD[name];
  if (exact !== undefined) return exact;
  if (name.startsWith('network-')) return 'write spec.privateNetwork, spec.macvlans or spec.interfaces';
  if (OWN_MEANING.has(name)) return null;
  const whole = Object.keys(HELD).find(held => held.startsWith(name));
  return whole === undefined ? null : `it abbreviates --${whole}: ${HELD[whole]}`;
}

/** Options that are whole words although a held one begins like them. */
const OWN_MEANING: ReadonlySet<string> = new Set(['user', 'uid']);
