import type { ContainerSpec, Json, JsonObject, Manifest } from '../api/manifest.ts';
import { canonicalJson, specHash } from '../api/spec-hash.ts';

/**
 * What a changed field costs: `live` is applied to the running guest, `reload` tells the guest to reload, `restart`
 * stops and starts it. A table over every field of the spec, so that a new field cannot be forgotten.
 */
export type ChangeClass = 'live' | 'reload' | 'restart';

const CHANGE_CLASS: Readonly<Record<keyof ContainerSpec, ChangeClass>> = {
  root: 'restart',
  command: 'restart',
  environment: 'restart',
  autoStart: 'live',
  restartPolicy: 'live',
  restartIfChanged: 'live',
  privateNetwork: 'restart',
  hostAddress: 'live',
  localAddress: 'live',
  hostAddress6: 'live',
  localAddress6: 'live',
  ephemeral: 'restart',
  volatile: 'restart',
  readiness: 'restart',
  // Baked into the unit, which is only rewritten while it is down; a longer timeout is no reason to restart a guest.
  timeoutStartSec: 'live',
  timeoutStopSec: 'live',
  resolvConf: 'restart',
  guestHosts: 'restart',
  hostsAlias: 'live',
};

export function changeClassOf(field: string): ChangeClass {
  return CHANGE_CLASS[field as keyof ContainerSpec] ?? 'restart';
}

/** A hash over the fields whose change takes a restart: what decides whether a running guest is out of date. */
export function launchHash(manifest: Pick<Manifest, 'written'>): string {
  const launchFields = Object.entries(manifest.written).filter(
    ([field]) => changeClassOf(field) === 'restart',
  );
  return specHash(Object.fromEntries(launchFields));
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
  return fields
    .map(field => ({
      field: `spec.${field}`,
      before: show(before?.[field]),
      after: show(after[field]),
      changeClass: changeClassOf(field),
    }))
    .filter(change => change.before !== change.after);
}

function show(value: Json | undefined): string | null {
  return value === undefined ? null : canonicalJson(value);
}
