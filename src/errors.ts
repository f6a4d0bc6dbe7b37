/**
 * The one error family for a broken world. A person's mistake is a value (`Problem`, in `api/`), a broken
 * program is an assertion; everything else that stops us is an `NspawndError`.
 *
 * `code` is stable and becomes a condition's reason. `retry` says what brings the work back: `backoff`, because
 * trying again may help, or `onChange`, because only a change of the manifest or of the host can.
 */
export class NspawndError extends Error {
  readonly code: ErrorCode;
  readonly retry: 'backoff' | 'onChange';

  constructor(code: ErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'NspawndError';
    this.code = code;
    this.retry = RETRY[code];
  }
}

/** Every way the world can be broken, once, with what helps. */
const RETRY = {
  BusUnavailable: 'backoff',
  BusTimeout: 'backoff',
  BusError: 'backoff',
  CommandFailed: 'backoff',
  CommandTimeout: 'backoff',
  CommandMissing: 'onChange',
  FileError: 'backoff',
  ForeignNamespace: 'onChange',
  ForeignLink: 'onChange',
  InotifyInstances: 'backoff',
  InterfaceNameTaken: 'backoff',
  MachineExists: 'onChange',
  MachineUnregistered: 'backoff',
  RootMissing: 'onChange',
  RootUnsafe: 'onChange',
  Suspended: 'onChange',
  UnitShadowed: 'onChange',
  UnitInvalid: 'onChange',
  UnsafePath: 'onChange',
} as const satisfies Record<string, 'backoff' | 'onChange'>;

export type ErrorCode = keyof typeof RETRY;

/** Narrows what a `catch` received, for the few places that decide by the code. */
export function isErrorCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof NspawndError && error.code === code;
}

/** Any thrown value as the one line that a log or a condition shows. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The end of an exhaustive switch: reaching it is a bug. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected value: ${JSON.stringify(value)}`);
}
