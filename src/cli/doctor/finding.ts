/** One thing a host was looked at for. */
export interface Finding {
  readonly check: string;
  /** `fail`: nspawnd, or containers, cannot work as they should. `warn`: sooner or later somebody will wonder. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What to do; null where all is well. */
  readonly fix: string | null;
}

export function ok(check: string, message: string): Finding {
  return { check, status: 'ok', message, fix: null };
}

export function warn(check: string, message: string, fix: string): Finding {
  return { check, status: 'warn', message, fix };
}

export function fail(check: string, message: string, fix: string): Finding {
  return { check, status: 'fail', message, fix };
}
