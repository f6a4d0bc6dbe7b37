import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';
import { runProgram } from './program.ts';
import { reportError } from './report-error.ts';
import type { Terminal } from './terminal.ts';

/** A whole command line, with every way it can end as an exit code; the last place where an error is caught. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await runProgram(argv, terminal);
  } catch (error) {
    const told = error instanceof CliError ? error : bug(error);
    await reportError(told, terminal);
    return told.exitCode;
  }
}

function bug(error: unknown): CliError {
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CliError(EXIT.bug, shown, ['this is a bug in nspawnctl; please report it']);
}
