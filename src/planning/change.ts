import {
  type ContainerSpec,
  type Json,
  type JsonObject,
  type Manifest,
  NIX_SOURCES,
} from '../api/manifest.ts';
import { canonicalJson, specHash } from '../api/spec-hash.ts';

/**
 * What a changed field costs: `live` is applied to the running guest, `reload` tells the guest to reload, `restart`
 * stops and starts it. A table over every field of the spec, so that a new field cannot be forgotten.
 */
export type ChangeClass = 'live' | 'reload' | 'restart';

const CHANGE_CLASS: Readonly<Record<keyof ContainerSpec, ChangeClass>> = {
  root: 'restart',
  path: 'reload',
  config: 'reload',
  flake: 'reload',
  update: 'live',
  command: 'restart',
  environment: 'restart',
  autoStart: 'live',
  dependsOn: 'live',
  priority: 'live',
  restartPolicy: 'live',
  restartIfChanged: 'live',
  privateNetwork: 'restart',
  hostAddress: 'live',
  localAddress: 'live',
  hostAddress6: 'live',
  localAddress6: 'live',
  macvlans: 'restart',
  interfaces: 'restart',
  ephemeral: 'restart',
  volatile: 'restart',
  readiness: 'restart',
  startupProbe: 'live',
  readinessProbe: 'live',
  livenessProbe: 'live',
  // Baked into the unit, which is only rewritten while it is down; a longer timeout is no reason to restart a guest.
  timeoutStartSec: 'live',
  timeoutStopSec: 'live',
  rollback: 'live',
  progressDeadlineSeconds: 'live',
  resolvConf: 'restart',
  guestHosts: 'restart',
  hostsAlias: 'live',
  extraFlags: 'restart',
};

export function changeClassOf(field: string): ChangeClass {
  return CHANGE_CLASS[field as keyof ContainerSpec] ?? 'restart';
}

/**
 * A hash over the fields whose change takes a restart: what decides whether a running guest is out of date. Another system
 * from Nix is reloaded, but a tree that becomes one, or the other way round, is another guest.
 */
export function launchHash({ written }: Pick<Manifest, 'written'>): string {
  const known = launchHashes.get(written) ?? hashLaunchFields(written);
  launchHashes.set(written, known);
  return known;
}

/** Asked for in every look at every container, and always the same for a spec as written. */
const launchHashes = new WeakMap<JsonObject, string>();

function hashLaunchFields(written: JsonObject): string {
  const launchFields = Object.entries(written).filter(([field]) => changeClassOf(field) === 'restart');
  const kind = hasNixSource(written) ? { madeBy: 'nix' } : {};
  return specHash({ ...Object.fromEntries(launchFields), ...kind });
}

function hasNixSource(written: JsonObject): boolean {
  return NIX_SOURCES.some(field => written[field] !== undefined);
}

export interface SpecChange {
  readonly field: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly changeClass: ChangeClass;
}

/** Field by field, in the order of their names. `before` null: the spec is new. */
export function specChanges(before: JsonObject | null, after: JsonObject): readonly SpecChange[] {
  const fields = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after)])].sort();
  const isOtherKind = before !== null && hasNixSource(before) !== hasNixSource(after);
  return fields
    .map(field => ({
      field: `spec.${field}`,
      before: show(before?.[field]),
      after: show(after[field]),
      changeClass: isOtherKind && changeClassOf(field) === 'reload' ? 'restart' : changeClassOf(field),
    }))
    .filter(change => change.before !== change.after);
}

function show(value: Json | undefined): string | null {
  return value === undefined ? null : canonicalJson(value);
}
