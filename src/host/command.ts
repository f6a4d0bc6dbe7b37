import { execa } from 'execa';
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
  readonly env?: Readonly<Record<string, string>>;
  /** What of ours it has open, too, from 3 on. */
  readonly descriptors?: readonly number[];
}

/** Answers are read by us. */
export const ENVIRONMENT = { LC_ALL: 'C.UTF-8', SYSTEMD_COLORS: '0' };
export const DEFAULT_TIMEOUT_MS = 10_000;
export const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
const MAX_ERROR_TEXT = 500;

/** Runs a program by an argv array, never through a shell, with a deadline and a bound on what it may print. */
export async function run(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const result = await execa(program, args, {
    env: { ...ENVIRONMENT, ...options.env },
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT_BYTES,
    reject: false,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...passed(options.descriptors)],
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  return checked(program, args, options, result as unknown as Outcome);
}

/** How a command ended, and what it left; as execa tells it. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined: it was ended, or it was never begun. */
  readonly exitCode: number | undefined;
  /** Of an error: `ENOENT` where there is no such program. */
  readonly code: string | undefined;
  readonly timedOut: boolean;
  readonly durationMs: number;
  readonly shortMessage: string;
}

/** An exit code that is no answer is an error. */
export function checked(
  program: string,
  args: readonly string[],
  { accept = [0] }: CommandOptions,
  outcome: Outcome,
): CommandResult {
  const { exitCode, stdout } = outcome;
  if (exitCode !== undefined && accept.includes(exitCode)) return { stdout, exitCode };
  throw commandError(program, args, outcome);
}

export interface Ended {
  /** The end of what it printed on both outputs. */
  readonly output: string;
  /** Null when a signal ended it, ours at the deadline too. */
  readonly exitCode: number | null;
  readonly isTimedOut: boolean;
}

const MAX_TAIL_CHARACTERS = 16 * 1024;

/** Keeps only the end of what is said, however much that is. */
export function keepTail(before: string, more: string): string {
  return (before + more).slice(-MAX_TAIL_CHARACTERS);
}

/** Runs a program whose failure is an answer: how it ended and the end of what it said, however much that was. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  descriptors: readonly number[] = [],
): Promise<Ended> {
  const child = execa(program, args, {
    env: ENVIRONMENT,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'pipe', ...passed(descriptors)],
    all: true,
    buffer: false,
    reject: false,
  });
  let output = '';
  child.all?.setEncoding('utf8');
  child.all?.on('data', (text: string) => {
    output = keepTail(output, text);
  });
  const result = await child;
  if (result.code === 'ENOENT') output = `${program} is not installed`;
  return { output, exitCode: result.exitCode ?? null, isTimedOut: result.timedOut };
}

/** Of ours to a child, as they are. What execa declares knows the numbers up to 9 only; what it does takes any. */
function passed(descriptors: readonly number[] = []): readonly 3[] {
  return descriptors as readonly 3[];
}

function commandError(program: string, args: readonly string[], result: Outcome): NspawndError {
  const shown = [program, ...args].join(' ').slice(0, MAX_ERROR_TEXT);
  if (result.code === 'ENOENT')
    return new NspawndError('CommandMissing', `${program} is not installed`, { cause: result });
  const said = String(result.stderr ?? '')
    .trim()
    .slice(0, MAX_ERROR_TEXT);
  if (!result.timedOut)
    return new NspawndError('CommandFailed', `${shown}: ${said || result.shortMessage}`, { cause: result });
  const late = `${shown}: no answer within ${Math.round(result.durationMs)} ms`;
  return new NspawndError('CommandTimeout', said === '' ? late : `${late}: ${said}`, { cause: result });
}
