import { unitName } from '../../api/container.ts';
import type { Manifest } from '../../api/manifest.ts';
import { hasOwnNetwork } from '../../api/own-network.ts';
import { canonicalJson } from '../../api/spec-hash.ts';
import { launchHash } from '../change.ts';
import type { SystemFacts } from '../nix-facts.ts';
import { NIX_STORE } from '../nix-places.ts';
import { type LaunchHost, type LaunchPaths, type LaunchSystem, nspawnArgv } from './nspawn-argv.ts';
import { environmentLine, OWNER_SECTION, quoteArgument, quoteValue } from './unit-text.ts';

/**
 * Raised whenever the text below changes for an unchanged manifest. A running guest with another number is left alone
 * and reported as RestartRequired/NewRenderer.
 */
export const RENDERER = '1';

export interface UnitPaths extends LaunchPaths {
  /** Directory of the records of ends. */
  readonly endedDirectory: string;
  /** Where nspawnd's sockets are. */
  readonly runtimeDirectory: string;
  /** What is kept of the builds of its system. */
  readonly nixDirectory: string;
}

/** The unit file `container@NAME.service`, whole. `system` is what it boots where Nix makes that. */
export function unitText(
  manifest: Manifest,
  host: LaunchHost,
  paths: UnitPaths,
  system: SystemFacts | null = null,
): string {
  const madeOf = [
    ...[host.nspawnPath, host.machineId],
    ...[paths.fifo, paths.guestHosts, paths.endedDirectory, paths.runtimeDirectory],
    ...(system === null ? [] : [system.closure, system.platform]),
  ].join('\n');
  const known = texts.get(manifest);
  if (known?.madeOf === madeOf) return known.text;
  const text = makeUnitText(manifest, host, paths, system);
  texts.set(manifest, { madeOf, text });
  return text;
}

/** Asked for in every look at a container that is down: the last text of each manifest, and what else it was made of. */
const texts = new WeakMap<Manifest, { readonly madeOf: string; readonly text: string }>();

function makeUnitText(
  manifest: Manifest,
  host: LaunchHost,
  paths: Omit<UnitPaths, 'nixDirectory'>,
  system: LaunchSystem | null,
): string {
  const { name, spec } = manifest;
  const argv = nspawnArgv(manifest, host, paths, system);
  const recorder = ['/bin/sh', '-c', RECORD_END, 'record-end', paths.endedDirectory, name, manifest.specHash];
  const lines = [
    '# Made by nspawnd from a manifest; changes here are overwritten.',
    '[Unit]',
    `Description=Container ${name}`,
    `Documentation=man:systemd-nspawn(1)`,
    `RequiresMountsFor=${[spec.root, ...(system === null ? [] : [NIX_STORE])].map(quoteValue).join(' ')}`,
    // How often it may be started is nspawnd's decision (its backoff), also when a guest reboots six times in a row.
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=notify',
    'NotifyAccess=main',
    'Slice=machine.slice',
    'Delegate=yes',
    'KillMode=mixed',
    'Restart=no',
    'TasksMax=16384',
    'WatchdogSec=3min',
    `TimeoutStartSec=${spec.timeoutStartSec}`,
    `TimeoutStopSec=${spec.timeoutStopSec}`,
    `SyslogIdentifier=container ${name}`,
    // What systemd-nspawn@.service allows.
    'DevicePolicy=closed',
    'DeviceAllow=/dev/net/tun rwm',
    'DeviceAllow=char-pts rw',
    'DeviceAllow=/dev/fuse rwm',
    'DeviceAllow=/dev/loop-control rw',
    'DeviceAllow=block-loop rw',
    'DeviceAllow=block-blkext rw',
    'DeviceAllow=/dev/mapper/control rw',
    'DeviceAllow=block-device-mapper rw',
    // A tree of Debian's has this node, besides those that everybody may make; systemd 262 gives up a copy without it.
    ...(spec.ephemeral ? ['DeviceAllow=/dev/char/5:1 m'] : []),
    environmentLine('NSPAWND_SPEC_HASH', manifest.specHash),
    environmentLine('NSPAWND_LAUNCH_HASH', launchHash(manifest)),
    environmentLine('NSPAWND_RENDERER', RENDERER),
    ...(system === null ? [] : [environmentLine('NSPAWND_SYSTEM_PATH', system.closure)]),
    // The network's /proc/sys is writable, as with --network-veth; systemd, docs/ENVIRONMENT.md.
    ...(hasOwnNetwork(spec) ? [environmentLine('SYSTEMD_NSPAWN_API_VFS_WRITABLE', 'network')] : []),
    `ExecStart=${argv.map(quoteArgument).join(' ')}`,
    ...(system === null ? [] : [`ExecReload=${reloadArgv(name, paths).map(quoteArgument).join(' ')}`]),
    `ExecStopPost=-${recorder.map(quoteArgument).join(' ')}`,
    '',
    OWNER_SECTION,
    `Name=${name}`,
    `Unit=${unitName(name)}`,
    `Spec=${Buffer.from(canonicalJson(manifest.written)).toString('base64')}`,
    '',
  ];
  return lines.join('\n');
}

/** `systemctl reload` switches the guest to its system, and answers as that does. systemd finds the program. */
function reloadArgv(
  name: string,
  { runtimeDirectory }: Pick<UnitPaths, 'runtimeDirectory'>,
): readonly string[] {
  return ['nspawnctl', '--socket', runtimeDirectory, 'update', '--reload-only', name];
}

/** The root that a unit of ours runs throw-away copies of; null where it runs none. */
export function ephemeralRootOf(text: string): string | null {
  const line = text.split('\n').find(candidate => candidate.startsWith('Spec='));
  if (line === undefined || !isOurUnit(text)) return null;
  try {
    const spec: unknown = JSON.parse(Buffer.from(line.slice('Spec='.length), 'base64').toString());
    const { ephemeral, root } = spec as { ephemeral?: unknown; root?: unknown };
    return ephemeral === true && typeof root === 'string' && root.startsWith('/') ? root : null;
  } catch {
    // Somebody has edited it; then nobody knows.
    return null;
  }
}

const OWNER_LINE = `\n${OWNER_SECTION}\n`;

/** Whether a unit file was made by us. */
export function isOurUnit(text: string): boolean {
  return text.includes(OWNER_LINE) || `\n${text}\n`.includes(OWNER_LINE);
}

/**
 * systemd forgets how a unit ended as soon as it is unloaded, so the unit itself leaves a record, without Node, and also
 * while nspawnd is dead. A stop job that is running now means that the stop was asked for: that is true for an active
 * and for an activating unit, where ExecStop= would not run. Arguments: directory, name, spec hash.
 */
const RECORD_END = [
  'umask 077',
  'requested=no',
  'jobs=$(systemctl list-jobs --no-legend --no-pager -- "container@$2.service" 2>/dev/null)',
  'case $jobs in *" stop "* | *" restart "*) requested=yes ;; esac',
  'mkdir -p -- "$1"',
  'printf "invocation=%s\\nspec=%s\\nrequested=%s\\nresult=%s\\ncode=%s\\nstatus=%s\\n"' +
    ' "$INVOCATION_ID" "$3" "$requested" "$SERVICE_RESULT" "$EXIT_CODE" "$EXIT_STATUS" > "$1/.$2.$$"',
  'mv -f -- "$1/.$2.$$" "$1/$2"',
  // A killed nspawn leaves this mounted, and the next one refuses to start over it; systemd#36455. (The second: since 262.)
  'umount -l -- "/run/systemd/nspawn/unix-export/$2" "/run/systemd/nspawn/$2/unix-export" 2>/dev/null || true',
].join('\n');
