import { nameOfNspawnUnit } from '../api/adopted.ts';
import { nameOfUnit } from '../api/container.ts';
import { nameOfBuildUnit } from '../planning/nix-places.ts';
import { type BusSignal, escapeLabel } from './bus.ts';

/** What a signal of systemd's is about. */
export interface UnitNews {
  /** A container; null: all of them. */
  readonly name: string | null;
  /** It runs, or has ended: somebody waits for that. */
  readonly isUrgent: boolean;
}

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

  read({ member, path, body }: BusSignal): UnitNews | undefined {
    if (member === 'PropertiesChanged') return this.#changed(path, body[1]);
    // What a job has done shows in its unit. One that was taken back, or failed, may have done nothing.
    if (member === 'JobRemoved' && body[3] !== 'done') return newsOf(containerOf(String(body[2])), true);
    // A daemon-reload has just ended: anything may have been swapped.
    if (member === 'Reloading' && body[0] === false) return { name: null, isUrgent: true };
    return undefined;
  }

  /** Signals may have been missed. */
  forget(): void {
    this.#said.clear();
  }

  #changed(path: string, changed: unknown): UnitNews | undefined {
    if (!PATH_PREFIXES.some(prefix => path.startsWith(prefix))) return undefined;
    const properties = changed as Readonly<Record<string, { readonly value: unknown } | undefined>>;
    const values = WATCHED.map(property => String(properties[property]?.value));
    const says = values.join(' ');
    if (this.#said.get(path) === says) return undefined;
    if (this.#said.size >= MAX_KNOWN) this.#said.clear();
    this.#said.set(path, says);
    const isUrgent = ['active', 'inactive', 'failed'].includes(values[0] ?? '');
    return newsOf(containerOf(unescapeLabel(path.slice(UNIT_PATH_PREFIX.length))), isUrgent);
  }
}

function newsOf(name: string | undefined, isUrgent: boolean): UnitNews | undefined {
  return name === undefined ? undefined : { name, isUrgent };
}

/** Its own unit, the one in which its system is built, or the one in which it ran before. */
function containerOf(unit: string): string | undefined {
  return nameOfUnit(unit) ?? nameOfBuildUnit(unit) ?? nameOfNspawnUnit(unit) ?? undefined;
}

function unescapeLabel(label: string): string {
  return label.replace(/_([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
