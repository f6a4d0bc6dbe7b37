import type { Manifest } from '../../api/manifest.ts';
import type { NixSource } from '../../api/nix-source.ts';
import { buildUnitName, profileOf } from '../nix-places.ts';
import type { NixBuild } from '../step.ts';
import { CONFIGURATION_FILE, configurationText, MODULE_FILE } from './nix-module.ts';
import type { UnitPaths } from './unit.ts';
import { environmentLine, OWNER_SECTION, quoteArgument } from './unit-text.ts';

/** Names in the directory of a container's builds; the host reads and writes the same ones. */
export const BUILD_LOG = 'build.log';
export const BUILD_RESULT = 'result';
export const REALISED = 'realised';

/** An evaluation and a build of everything from source may take its time; a builder that hangs may not. */
const BUILD_TIMEOUT_SEC = 7200;
/** Of what one builder prints; nix.conf(5), max-build-log-size. */
const MAX_LOG_BYTES = 64 * 1024 * 1024;

export interface BuildOrder {
  readonly manifest: Manifest;
  readonly source: NixSource;
  readonly input: string;
  readonly attempt: number;
  /** Also what is fetched is looked at anew: an update. */
  readonly isRefreshed: boolean;
  /** Directory of `nix-env` and `nix`. */
  readonly programs: string;
}

/**
 * A build as a unit of its own: it goes on while nspawnd does not, ends as a whole, and is bounded. How it ended is left
 * by the unit itself, as the end of a container is.
 */
export function nixBuild(order: BuildOrder, searchPath: string, paths: UnitPaths): NixBuild {
  const { manifest, source, input } = order;
  const { nixDirectory: directory } = paths;
  const files: Record<string, string> = {};
  if (source.kind === 'text') files[MODULE_FILE] = source.text;
  if (source.kind === 'text' || source.kind === 'file')
    files[CONFIGURATION_FILE] = configurationText(manifest.name, source, directory);
  return { input, unit: unitText(order, searchPath, directory), files };
}

function unitText(order: BuildOrder, searchPath: string, directory: string): string {
  const { manifest, input, attempt, programs } = order;
  const { name } = manifest;
  const recorder = ['/bin/sh', '-c', RECORD_RESULT, 'record-result', directory, input, String(attempt)];
  const log = directory.replaceAll('%', '%%');
  return [
    '# Made by nspawnd from a manifest; changes here are overwritten.',
    '[Unit]',
    `Description=Nix system of container ${name}`,
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=oneshot',
    'Restart=no',
    `TimeoutStartSec=${BUILD_TIMEOUT_SEC}`,
    'TimeoutStopSec=10',
    'KillMode=control-group',
    'UMask=0022',
    `SyslogIdentifier=nspawnd-build ${name}`,
    `StandardOutput=append:${log}/${BUILD_LOG}`,
    'StandardError=inherit',
    environmentLine('HOME', '/root'),
    environmentLine('PATH', `${programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`),
    ...(searchPath === '' ? [] : [environmentLine('NIX_PATH', searchPath)]),
    `ExecStart=${buildArgv(order, directory).map(quoteArgument).join(' ')}`,
    // Without "-": a result that cannot be written makes the unit fail, which is a result, too.
    `ExecStopPost=${recorder.map(quoteArgument).join(' ')}`,
    '',
    OWNER_SECTION,
    `Name=${name}`,
    `Unit=${buildUnitName(name)}`,
    `Input=${input}`,
    `Attempt=${attempt}`,
    '',
  ].join('\n');
}

/** As `nixos-container create` and `update` call Nix. */
function buildArgv(
  { manifest, source, isRefreshed, programs }: BuildOrder,
  directory: string,
): readonly string[] {
  const profile = profileOf(manifest.name);
  const bounds = ['--option', 'max-build-log-size', String(MAX_LOG_BYTES)];
  if (source.kind === 'flake') {
    const { reference, attribute } = source;
    return [
      `${programs}/nix`,
      ...['--extra-experimental-features', 'nix-command flakes'],
      'build',
      ...['--profile', profile, '--no-link', '--print-build-logs'],
      ...bounds,
      ...(isRefreshed ? ['--refresh'] : []),
      ...['--', `${reference}#nixosConfigurations."${attribute}".config.system.build.toplevel`],
    ];
  }
  return [
    `${programs}/nix-env`,
    ...['-p', profile],
    ...['-I', `nixos-config=${directory}/${CONFIGURATION_FILE}`],
    ...['-f', '<nixpkgs/nixos>'],
    ...bounds,
    ...['--set', '-A', 'system'],
  ];
}

/**
 * Without Node, and also while nspawnd is dead. That the input was made into a generation is noted first: a result that
 * says so must not be there without it. Arguments: directory, input, attempt.
 */
const RECORD_RESULT = [
  'set -e',
  'umask 077',
  // Its manifest is gone, and so is all that was kept of it.
  '[ -d "$1" ] || exit 0',
  'if [ "$SERVICE_RESULT $EXIT_CODE $EXIT_STATUS" = "success exited 0" ]; then',
  `  printf "%s\\n" "$2" > "$1/.${REALISED}.$$"`,
  `  mv -f -- "$1/.${REALISED}.$$" "$1/${REALISED}"`,
  'fi',
  'printf "input=%s\\nattempt=%s\\nresult=%s\\ncode=%s\\nstatus=%s\\n"' +
    ` "$2" "$3" "$SERVICE_RESULT" "$EXIT_CODE" "$EXIT_STATUS" > "$1/.${BUILD_RESULT}.$$"`,
  `mv -f -- "$1/.${BUILD_RESULT}.$$" "$1/${BUILD_RESULT}"`,
].join('\n');
