import { writeFileSync } from 'node:fs';
import { readFileIfExists } from './files.ts';

/**
 * The kernel's per-link switches on the host's end. Forwarding on our links only: `all.forwarding` would make the host a
 * router everywhere. Nothing a guest announces may change the host's routes.
 * Source: Linux, Documentation/networking/ip-sysctl.rst.
 */
const SETTINGS: readonly { readonly path: string; readonly value: string; readonly isOptional?: boolean }[] =
  [
    { path: 'ipv4/conf/LINK/forwarding', value: '1' },
    { path: 'ipv4/conf/LINK/rp_filter', value: '1' },
    { path: 'ipv4/conf/LINK/accept_redirects', value: '0' },
    { path: 'ipv4/conf/LINK/send_redirects', value: '0' },
    { path: 'ipv6/conf/LINK/accept_ra', value: '0', isOptional: true },
    { path: 'ipv6/conf/LINK/autoconf', value: '0', isOptional: true },
    { path: 'ipv6/conf/LINK/accept_redirects', value: '0', isOptional: true },
    // Since Linux 6.17: forwarding for IPv6 on one link without all.forwarding.
    { path: 'ipv6/conf/LINK/force_forwarding', value: '1', isOptional: true },
  ];

/** False when anything differs; what this kernel does not have is right. */
export async function areLinkSettingsRight(link: string): Promise<boolean> {
  const found = await Promise.all(
    SETTINGS.map(async ({ path, value }) => {
      const text = await readFileIfExists(settingPath(link, path));
      return text === null || text.trim() === value;
    }),
  );
  return found.every(Boolean);
}

/** At once: the kernel takes a moment for each, and handing it to another thread takes several. */
export function applyLinkSettings(link: string): void {
  for (const { path, value, isOptional } of SETTINGS) {
    try {
      writeFileSync(settingPath(link, path), value);
    } catch (error) {
      if (!isOptional) throw error;
    }
  }
}

/** Asked for by configuration only: it silences the uplink's router advertisements. */
export function enableIpv6Forwarding(): void {
  writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');
}

function settingPath(link: string, setting: string): string {
  return `/proc/sys/net/${setting.replace('LINK', link)}`;
}
