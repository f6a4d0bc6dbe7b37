/** What is run in a guest from the host begins with this, and with nothing of the host's own environment. */
export const GUEST_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  USER: 'root',
  LOGNAME: 'root',
  LANG: 'C.UTF-8',
} as const;

/** As env(1) and a shell take it; no value has anything that a shell reads. */
export const GUEST_VARIABLES: readonly string[] = variablesOf(GUEST_ENVIRONMENT);

export function variablesOf(environment: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}
