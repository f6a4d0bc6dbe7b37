import tlds from 'tlds';

/**
 * Why a well-formed name cannot be a container's, or null. Names are also host names (nss-mymachines resolves them), so a
 * guest called like a top-level domain takes that domain away from the host (systemd#43783).
 */
export function objectionToName(name: string, hostName: string): string | null {
  const host = hostName.toLowerCase();
  if (name === 'localhost') return '"localhost" is every host\'s name for itself';
  if (host !== '' && (name === host || name === host.split('.')[0]))
    return `"${name}" is this host's own name`;
  if (TOP_LEVEL_DOMAINS.has(name))
    return `"${name}" is a top-level domain, which the guest would take over; choose another name`;
  return null;
}

const TOP_LEVEL_DOMAINS: ReadonlySet<string> = new Set(tlds);
