/** Container names: a DNS label, since the name is also a host name, a unit instance and a machine name. */
export const NAME_PATTERN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
export const NAME_MAX_LENGTH = 63;

/** True for a string that may be used as a path component, unit instance, link alias and machine name. */
export function isName(value: string): boolean {
  return value.length <= NAME_MAX_LENGTH && NAME_PATTERN.test(value);
}
