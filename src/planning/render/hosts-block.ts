import type { Manifest } from '../../api/manifest.ts';
import type { HostsEntry } from '../host-state.ts';

/** The lines of one container: NAME.containers for each of its addresses, the bare name only when asked for. */
export function hostsEntries(manifest: Manifest): readonly HostsEntry[] {
  const { name, spec } = manifest;
  const names = spec.hostsAlias ? [`${name}.containers`, name] : [`${name}.containers`];
  return [spec.localAddress, spec.localAddress6]
    .filter(address => address !== undefined)
    .map(address => ({ address, names }));
}

export function hostsBlock(entries: readonly HostsEntry[]): string {
  return entries.map(entry => `${entry.address} ${entry.names.join(' ')}\n`).join('');
}
