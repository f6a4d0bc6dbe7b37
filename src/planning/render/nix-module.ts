import type { NixSource } from '../../api/nix-source.ts';

/** The user's module where it is inline text. */
export const MODULE_FILE = 'config.nix';
/** What Nix is told to build: the user's module as a container of this name. */
export const CONFIGURATION_FILE = 'configuration.nix';

/** The same settings that `nixos-container` puts around a configuration. */
export function configurationText(
  name: string,
  source: Extract<NixSource, { kind: 'file' | 'text' }>,
  directory: string,
): string {
  const path = source.kind === 'file' ? source.path : `${directory}/${MODULE_FILE}`;
  return [
    '# Made by nspawnd from a manifest; changes here are overwritten.',
    '{ lib, ... }:',
    '{',
    // Not as a path literal, which has no room for spaces and the like.
    `  imports = [ (/. + ${nixString(path)}) ];`,
    '  boot.isContainer = true;',
    `  networking.hostName = lib.mkDefault ${nixString(name)};`,
    '  networking.useDHCP = false;',
    '}',
    '',
  ].join('\n');
}

function nixString(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('${', '\\${')}"`;
}
