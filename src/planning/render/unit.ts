import { unitName } from '../../api/container.ts';
import type { Manifest } from '../../api/manifest.ts';
import { hasOwnNetwork } from '../../api/own-network.ts';
import { canonicalJson } from '../../api/spec-hash.ts';
import { launchHash } from '../change.ts';
import type { HostFacts } from '../observed.ts';
import { type LaunchPaths, nspawnArgv } from './nspawn-argv.ts';

/**
 * Raised whenever the text below changes for an unchanged manifest. A running guest with another number is left alone
 * and reported as RestartRequired/NewRenderer.
 */
export const RENDERER = '1';

/** The section that says whose file it is. systemd ignores sections that begin with X-; systemd.unit(5). */
const OWNER_SECTION = '[X-Nspawnd]';

export interface UnitPaths extends LaunchPaths {
  /** Directory of the records of ends. */
  readonly endedDirectory: string;
}

/** The unit file `container@NAME.service`, whole. */
export function unitText(manifest: Manifest, host: HostFacts, paths: UnitPaths): string {
  const { name, spec } = manifest;
  const argv = nspawnArgv(manifest, host, paths);
  const recorder = ['/bin/sh', '-c', RECORD_END, 'record-end', paths.endedDirectory, name, manifest.specHash];
  const lines = [
    '# Made by nspawnd from a manifest; changes here are overwritten.',
    '[Unit]',
    `Description=Container ${name}`,
    `Documentation=man:systemd-nspawn(1)`,
    `RequiresMountsFor=${quoteValue(spec.root)}`,
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
    environmentLine('NSPAWND_SPEC_HASH', manifest.specHash),
    environmentLine('NSPAWND_LAUNCH_HASH', launchHash(manifest)),
    environmentLine('NSPAWND_RENDERER', RENDERER),
    // The network's /proc/sys is writable, as with --network-veth; systemd, docs/ENVIRONMENT.md.
    ...(hasOwnNetwork(spec) ? [environmentLine('SYSTEMD_NSPAWN_API_VFS_WRITABLE', 'network')] : []),
    `ExecStart=${argv.map(quoteArgument).join(' ')}`,
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

/** Whether a unit file was made by us. */
export function isOurUnit(text: string): boolean {
  return text.split('\n').includes(OWNER_SECTION);
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

function environmentLine(name: string, value: string): string {
  return `Environment=${quoteValue(`${name}=${value}`)}`;
}

/** One word of a command line: as a value, and `$` (variables) doubled too; systemd.service(5), "COMMAND LINES". */
function quoteArgument(word: string): string {
  return quoteValue(word.replaceAll('$', '$$$$'));
}

/** One word of a unit file: systemd.syntax(7) quoting, with `%` (specifiers) doubled so that it means itself. */
function quoteValue(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('%', '%%')
    .replace(CONTROL_CHARACTERS, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return /^[-A-Za-z0-9_@+=:,./%$]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
const CONTROL_CHARACTERS = /[\u0001-\u001f\u007f]/g;
