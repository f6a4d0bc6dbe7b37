import { createHash } from 'node:crypto';
import type { Manifest } from '../../api/manifest.ts';
import { hasOwnNetwork } from '../../api/own-network.ts';
import type { SystemFacts } from '../nix-facts.ts';
import {
  GUEST_GC_ROOTS,
  GUEST_PROFILES,
  gcRootsOf,
  NIX_DAEMON_SOCKET,
  NIX_DATABASE,
  NIX_STORE,
  profilesOf,
  userProfilesOf,
} from '../nix-places.ts';
import type { HostFacts } from '../observed.ts';
import { namespacePath } from '../sandbox.ts';

/** Where the guest finds the start-up FIFO; the origin's place. */
export const GUEST_FIFO = '/var/lib/startup-done';

/** What a program finds when nothing else is said; the origin hands the guest its own unit's PATH. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface LaunchPaths {
  readonly fifo: string;
  readonly guestHosts: string;
}

/** What of a host, and of a system from Nix, the argv depends on; `unitText` has to know. */
export type LaunchHost = Pick<HostFacts, 'nspawnPath' | 'machineId'>;
export type LaunchSystem = Pick<SystemFacts, 'closure' | 'platform'>;

/** systemd-nspawn's argv for a manifest. Pure text: what is in here is what `systemctl cat` shows. */
export function nspawnArgv(
  manifest: Manifest,
  host: LaunchHost,
  paths: LaunchPaths,
  system: LaunchSystem | null = null,
): readonly string[] {
  const { name, spec } = manifest;
  return [
    host.nspawnPath,
    '--quiet',
    '--keep-unit',
    '--settings=no',
    `--machine=${name}`,
    `--directory=${spec.root}`,
    `--uuid=${guestUuid(host.machineId, name)}`,
    // Guests that share a tree share its machine-id and would steal each other's journal link.
    '--link-journal=no',
    ...(spec.ephemeral ? ['--ephemeral'] : []),
    ...(spec.volatile === 'no' ? [] : [`--volatile=${spec.volatile}`]),
    ...networkArguments(manifest),
    `--resolv-conf=${spec.resolvConf}`,
    ...(hasGuestHosts(manifest) ? [bind('--bind-ro', paths.guestHosts, '/etc/hosts')] : []),
    ...(spec.readiness === 'fifo' ? [bind('--bind', paths.fifo, GUEST_FIFO)] : []),
    ...(system === null ? [] : nixArguments(name, system)),
    ...Object.entries(guestEnvironment(manifest)).map(([key, value]) => `--setenv=${key}=${value}`),
    // nspawn's stub init powers off cleanly on the same signal as systemd does.
    '--kill-signal=SIGRTMIN+3',
    ...(spec.readiness === 'notify' ? ['--notify-ready=yes'] : []),
    ...spec.extraFlags,
    ...payload(manifest, system),
  ];
}

/** A system from Nix names its init itself, which then is PID 1 as with --boot. */
function payload({ spec }: Manifest, system: LaunchSystem | null): readonly string[] {
  if (system !== null) return ['--', `${system.closure}/init`];
  return spec.command === undefined ? ['--boot'] : ['--as-pid2', '--', ...spec.command];
}

/**
 * The store, and the origin's other places. The profile is read-only but for its users' part: what the host's own Nix
 * writes to must not be the guest's to redirect.
 */
function nixArguments(name: string, { platform }: LaunchSystem): readonly string[] {
  return [
    ...(platform === 'i686-linux' ? ['--personality=x86'] : []),
    `--bind-ro=${NIX_STORE}`,
    `--bind-ro=${NIX_DATABASE}`,
    `--bind-ro=${NIX_DAEMON_SOCKET}`,
    bind('--bind-ro', profilesOf(name), GUEST_PROFILES),
    bind('--bind', userProfilesOf(name), `${GUEST_PROFILES}/per-user`),
    bind('--bind', gcRootsOf(name), GUEST_GC_ROOTS),
  ];
}

/** Guests with a link of their own learn the names of all containers. */
export function hasGuestHosts(manifest: Manifest): boolean {
  return manifest.spec.privateNetwork && manifest.spec.guestHosts;
}

/** The guest joins the namespace made for it; CAP_NET_ADMIN gives it what --network-veth would. */
function networkArguments(manifest: Manifest): readonly string[] {
  if (!hasOwnNetwork(manifest.spec)) return [];
  return [`--network-namespace-path=${namespacePath(manifest.name)}`, '--capability=CAP_NET_ADMIN'];
}

/** The origin's variables, then the manifest's own, which win. */
function guestEnvironment({ spec }: Manifest): Readonly<Record<string, string>> {
  const addresses = spec.privateNetwork
    ? {
        HOST_ADDRESS: spec.hostAddress ?? '',
        LOCAL_ADDRESS: spec.localAddress ?? '',
        HOST_ADDRESS6: spec.hostAddress6 ?? '',
        LOCAL_ADDRESS6: spec.localAddress6 ?? '',
      }
    : { HOST_ADDRESS: '', LOCAL_ADDRESS: '' };
  return {
    PRIVATE_NETWORK: spec.privateNetwork ? '1' : '',
    ...addresses,
    PATH: DEFAULT_PATH,
    ...spec.environment,
  };
}

/** systemd-nspawn(1): a colon in a path is written `\:`. */
function bind(option: string, source: string, target: string): string {
  return `${option}=${source.replaceAll(':', '\\:')}:${target}`;
}

/** The same guest on the same host always gets the same id, and no two guests get one. */
function guestUuid(hostMachineId: string, name: string): string {
  const hex = createHash('sha256').update(`nspawnd machine-id ${hostMachineId} ${name}`).digest('hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
