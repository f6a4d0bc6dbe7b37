import type { World } from './contender.ts';
import type { RealRoots } from './real-roots.ts';

export interface WorldOptions {
  readonly directory: string;
  readonly stateDirectory: string;
  readonly hostName: string;
  readonly hostLinkName: (name: string) => string;
  /** The host's own addresses, without those of containers' links. */
  readonly hostAddresses?: () => Promise<readonly string[]>;
}

/** The host as admission sees it; `directories`: where the manifests really are. */
export function lookAtWorld(
  options: WorldOptions,
  hostAddresses: ReadonlySet<string>,
  roots: RealRoots,
  directories: readonly string[],
): World {
  const { directory, stateDirectory, hostName, hostLinkName } = options;
  const reserved = [directory, stateDirectory, roots.get(stateDirectory), ...directories];
  return {
    hostName,
    hostLinkName,
    hostAddresses,
    realRoot: root => roots.get(root),
    reservedDirectories: [...new Set(reserved)].filter(path => path !== ''),
  };
}
