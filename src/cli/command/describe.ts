import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { describeContainer } from '../view/describe.ts';
import { findContainer } from './find.ts';

/** `nspawnctl describe NAME...`: everything about containers, and why they are not Ready. */
export async function describe(names: readonly string[], { client, terminal }: Context): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  let separator = '';
  for (const name of new Set(names)) {
    try {
      const container = await findContainer(name, client);
      const events = await client.events(name);
      await terminal.out(
        `${separator}${describeContainer({ container, events }, terminal.now(), terminal.paint)}`,
      );
      separator = '\n\n';
    } catch (error) {
      // The others are shown all the same.
      if (!(error instanceof CliError) || error.exitCode !== EXIT.noSuchObject) throw error;
      await reportError(error, terminal);
      code = EXIT.noSuchObject;
    }
  }
  return code;
}
