import { lstatSync, readlinkSync } from 'node:fs';
import { unitName } from '../api/container.ts';
import { hostLinkName } from '../planning/link-name.ts';
import { namespacePath } from '../planning/sandbox.ts';
import type { SourceGuard } from './source-guard.ts';
import type { Systemd } from './systemd.ts';

export interface GlanceTools {
  readonly systemd: Systemd;
  readonly guard: SourceGuard;
  /** Changes of links and namespaces are announced; where they are not, nobody can tell at a glance. */
  readonly isNetworkWatched: () => boolean;
  readonly runtimeDirectory: string;
  readonly unitDirectory: string;
}

/**
 * What can be seen of many containers at once: one question to systemd for all of them, the guard's table, and for each the
 * stamps of its files, all of them in memory. A container whose unit is not loaded is left out.
 */
export async function glance(
  names: readonly string[],
  { systemd, guard, isNetworkWatched, runtimeDirectory, unitDirectory }: GlanceTools,
): Promise<ReadonlyMap<string, string>> {
  if (!isNetworkWatched()) return new Map();
  const units = await systemd.containerUnits();
  const seen = new Map<string, string>();
  for (const name of names) {
    const unit = units.get(name);
    if (unit === undefined) continue;
    const files = [
      `${unitDirectory}/${unitName(name)}`,
      ...KINDS.map(kind => `${runtimeDirectory}/${kind}/${name}`),
      `${runtimeDirectory}/startup/${name}.started`,
      namespacePath(name),
      `/run/systemd/machines/${name}`,
    ];
    const facts = [unit, invocationOf(name), await guard.addresses(hostLinkName(name)), files.map(stampOf)];
    seen.set(name, JSON.stringify(facts));
  }
  return seen;
}

/** Directories with a file for each container. */
const KINDS = ['ended', 'requests', 'history', 'switched', 'updates', 'sandboxes', 'guest-hosts', 'startup'];

/** systemd keeps it as the target of a link. */
function invocationOf(name: string): string {
  try {
    return readlinkSync(`/run/systemd/units/invocation:${unitName(name)}`);
  } catch {
    return '';
  }
}

/** Equal while it is the same file and nobody wrote; empty where there is none. */
function stampOf(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}
