import type { ExitCode } from './exit-code.ts';

/** Why a command could not do what it was asked, in words for the person who asked. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** What to do about it, a line each; commands ready to be copied. */
  readonly hints: readonly string[];

  constructor(
    exitCode: ExitCode,
    message: string,
    hints: readonly string[] = [],
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.hints = hints;
  }
}
