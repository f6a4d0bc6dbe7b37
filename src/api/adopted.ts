import { unitName } from './container.ts';

/** Annotation that `nspawnctl import` leaves: the unit in which this container ran before it had a manifest. */
export const ADOPTED_FROM_ANNOTATION = 'nspawnd.io/adopted-from';

/**
 * The unit whose running guest counts as this container until it ends; null where the manifest names none, or one that
 * cannot have been it.
 */
export function formerUnit(name: string, annotations: Readonly<Record<string, string>>): string | null {
  const unit = annotations[ADOPTED_FROM_ANNOTATION];
  return unit === unitName(name) || unit === nspawnUnit(name) ? unit : null;
}

/** systemd's own unit for a container of that name. */
export function nspawnUnit(name: string): string {
  return `systemd-nspawn@${name}.service`;
}

export function nameOfNspawnUnit(unit: string): string | null {
  return /^systemd-nspawn@(.+)\.service$/.exec(unit)?.[1] ?? null;
}
