import { type CommandOptions, type CommandResult, checked, DEFAULT_TIMEOUT_MS, run } from './command.ts';
import { directoryOf } from './find-program.ts';
import { Lanes } from './lanes.ts';

const lanes = new Lanes();
const bash = directoryOf('bash');

/** As `run`, of a program that is done in a moment: by a lane, where there is a bash for it. */
export async function runShort(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { input = '', timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const argv = [program, ...args];
  const isOrdinary = options.env === undefined && options.descriptors === undefined;
  const isForLane = isOrdinary && isLines(input) && !argv.some(word => word.includes('\0'));
  if (!isForLane || (await bash) === null) return run(program, args, options);
  const startedAt = performance.now();
  const answer = await lanes.run({ argv, input: input.slice(0, -1), timeoutMs, signal });
  return checked(program, args, options, {
    ...answer,
    stdout: answer.stdout.replace(/\n$/, ''),
    code: answer.exitCode === NOT_FOUND ? 'ENOENT' : undefined,
    durationMs: performance.now() - startedAt,
    shortMessage:
      answer.exitCode === undefined ? 'it was ended' : `it failed with exit code ${answer.exitCode}`,
  });
}

/** Of a shell: there is no such program. */
const NOT_FOUND = 127;

/** Nothing, or whole lines: a lane puts a newline at the end. What is longer than a pipe holds would go through a file. */
function isLines(input: string): boolean {
  if (input === '') return true;
  return input.length > 1 && input.length < MAX_INPUT && input.endsWith('\n') && !input.includes('\0');
}

const MAX_INPUT = 16_384;
