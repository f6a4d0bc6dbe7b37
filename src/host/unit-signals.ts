import { nameOfNspawnUnit } from '../api/adopted.ts';
import { nameOfUnit } from '../api/container.ts';
import { nameOfBuildUnit } from '../planning/nix-places.ts';
import { type BusSignal, escapeLabel } from './bus.ts';
import { BOOT_MS, BURST_MS, type News } from './news.ts';

const UNIT_PATH_PREFIX = '/org/freedesktop/systemd1/unit/';
const PATH_PREFIXES = ['container@', 'nspawnd-build@', 'systemd-nspawn@'].map(
  unit => `${UNIT_PATH_PREFIX}${escapeLabel(unit)}`,
);
/** A signal holds all properties, whichever changed; of most, such as what nspawn says of its progress, nobody here asks. */
const WATCHED = [
  'ActiveState',
  'SubState',
  'Job',
  'InvocationID',
  'LoadState',
  'StateChangeTimestampMonotonic',
];
const MAX_KNOWN = 10_000;

/** Picks from the signals of systemd those that are news. */
export class UnitSignals {
  /** What was announced last, by the unit's path. */
  readonly #said = new Map<string, string>();

  read({ member, path, body }: BusSignal): News | undefined {
    if (member === 'PropertiesChanged') return this.#changed(path, body[1]);
    // What a job has done shows in its unit. One that was taken back, or failed, may have done nothing.
    if (member === 'JobRemoved' && body[3] !== 'done') return newsOf(containerOf(String(body[2])), 0);
    // A daemon-reload has just ended: anything may have been swapped.
    if (member === 'Reloading' && body[0] === false) return { name: null, withinMs: 0 };
    return undefined;
  }

  /** Signals may have been missed. */
  forget(): void {
    this.#said.clear();
  }

  #changed(path: string, changed: unknown): News | undefined {
    if (!PATH_PREFIXES.some(prefix => path.startsWith(prefix))) return undefined;
    const properties = changed as Readonly<Record<string, { readonly value: unknown } | undefined>>;
    const value = (property: string) => properties[property]?.value;
    const says = WATCHED.map(property => String(value(property))).join(' ');
    if (this.#said.get(path) === says) return undefined;
    if (this.#said.size >= MAX_KNOWN) this.#said.clear();
    this.#said.set(path, says);
    const hasJob = ((value('Job') as readonly [number, string] | undefined)?.[0] ?? 0) !== 0;
    return newsOf(
      containerOf(unescapeLabel(path.slice(UNIT_PATH_PREFIX.length))),
      patience(String(value('ActiveState')), hasJob),
    );
  }
}

function patience(activeState: string, hasJob: boolean): number {
  switch (activeState) {
    case 'active':
    case 'failed':
      // With a job it is about to change, or has just changed, and then it is said next that the job is done.
      return hasJob ? BURST_MS : 0;
    case 'inactive':
      return hasJob ? BOOT_MS : 0;
    case 'activating':
      return BOOT_MS;
    default:
      return BURST_MS;
  }
}

function newsOf(name: string | undefined, withinMs: number): News | undefined {
  return name === undefined ? undefined : { name, withinMs };
}

/** Its own unit, the one in which its system is built, or the one in which it ran before. */
function containerOf(unit: string): string | undefined {
  return nameOfUnit(unit) ?? nameOfBuildUnit(unit) ?? nameOfNspawnUnit(unit) ?? undefined;
}

function unescapeLabel(label: string): string {
  return label.replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
