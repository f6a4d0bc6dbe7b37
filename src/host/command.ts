import { type ExecaError, execa } from 'execa';
import { NspawndError } from '../errors.ts';

/** What a command printed. Bounded; `stdout` without its last newline. */
export interface CommandResult {
  readonly stdout: string;
  readonly exitCode: number;
}

export interface CommandOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  /** Exit codes that are answers and no errors; default only 0. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
const MAX_ERROR_TEXT = 500;

/** Runs a program by an argv array, never through a shell, with a deadline and a bound on what it may print. */
export async function run(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await execa(program, args, {
    env: { LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0' },
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT_BYTES,
    reject: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  const accepted = options.accept ?? [0];
  if (result.exitCode !== undefined && accepted.includes(result.exitCode)) {
    return { stdout: result.stdout, exitCode: result.exitCode };
  }
  throw commandError(program, args, result as unknown as ExecaError);
}

function commandError(program: string, args: readonly string[], result: ExecaError): NspawndError {
  const shown = [program, ...args].join(' ').slice(0, MAX_ERROR_TEXT);
  if (result.code === 'ENOENT')
    return new NspawndError('CommandMissing', `${program} is not installed`, { cause: result });
  if (result.timedOut)
    return new NspawndError('CommandTimeout', `${shown}: no answer within ${result.durationMs} ms`, {
      cause: result,
    });
  const said =
    String(result.stderr ?? '')
      .trim()
      .slice(0, MAX_ERROR_TEXT) || result.shortMessage;
  return new NspawndError('CommandFailed', `${shown}: ${said}`, { cause: result });
}
