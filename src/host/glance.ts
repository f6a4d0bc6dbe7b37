import { readlinkSync } from 'node:fs';
import { unitName } from '../api/container.ts';
import { hostLinkName } from '../planning/link-name.ts';
import { namespacePath } from '../planning/sandbox.ts';
import { DirectoryStamps, stampOf } from './file-stamps.ts';
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
export class Glancer {
  readonly #tools: GlanceTools;
  /** Directories with a file for each container, all of which are only ever replaced. */
  readonly #records: readonly DirectoryStamps[];

  constructor(tools: GlanceTools) {
    this.#tools = tools;
    this.#records = KINDS.map(kind => new DirectoryStamps(`${tools.runtimeDirectory}/${kind}`));
  }

  async glance(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { systemd, guard, isNetworkWatched, runtimeDirectory, unitDirectory } = this.#tools;
    if (!isNetworkWatched()) return new Map();
    const units = await systemd.containerUnits();
    for (const records of this.#records) records.look();
    const seen = new Map<string, string>();
    for (const name of names) {
      const unit = units.get(name);
      if (unit === undefined) continue;
      const others = [
        `${unitDirectory}/${unitName(name)}`,
        ...WRITTEN_IN_PLACE.map(file => `${runtimeDirectory}/${file(name)}`),
        namespacePath(name),
        `/run/systemd/machines/${name}`,
      ];
      const facts = [
        unit,
        invocationOf(name),
        await guard.addresses(hostLinkName(name)),
        this.#records.map(records => records.of(name)),
        others.map(stampOf),
      ];
      seen.set(name, JSON.stringify(facts));
    }
    return seen;
  }
}

const KINDS = ['ended', 'requests', 'history', 'switched', 'updates'];

const WRITTEN_IN_PLACE: readonly ((name: string) => string)[] = [
  name => `sandboxes/${name}`,
  name => `guest-hosts/${name}`,
  name => `startup/${name}`,
  name => `startup/${name}.started`,
];

/** systemd keeps it as the target of a link. */
function invocationOf(name: string): string {
  try {
    return readlinkSync(`/run/systemd/units/invocation:${unitName(name)}`);
  } catch {
    return '';
  }
}
