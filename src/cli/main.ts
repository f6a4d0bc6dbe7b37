import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';
import { run } from './program.ts';
import { reportError } from './report-error.ts';
import { openTerminal } from './terminal.ts';

/** `nspawnctl`. The only file of this room with side effects; the last place where an error is caught. */
const terminal = openTerminal();
try {
  process.exitCode = await run(process.argv.slice(2), terminal);
} catch (error) {
  if (error instanceof CliError) {
    await reportError(error, terminal);
    process.exitCode = error.exitCode;
  } else {
    const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await reportError(
      new CliError(EXIT.bug, shown, ['this is a bug in nspawnctl; please report it']),
      terminal,
    );
    process.exitCode = EXIT.bug;
  }
}
