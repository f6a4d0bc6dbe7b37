import { Command, CommanderError, type OutputConfiguration } from 'commander';
import { productVersion } from '../version.ts';
import { Client } from './client/client.ts';
import { chooseSockets, DEFAULT_RUNTIME_DIRECTORY } from './client/sockets.ts';
import { type Act, spanOption } from './command-line.ts';
import { COMMAND_GROUPS } from './commands.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

interface GlobalOptions {
  readonly socket?: string;
  readonly requestTimeout: number;
}

/** Does what a command line says. */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.done;
  const act: Act =
    <T extends unknown[]>(action: (context: Context, ...args: T) => Promise<number>) =>
    async (...args: [...T, unknown, Command]) => {
      const { socket, requestTimeout } = program.opts<GlobalOptions>();
      const client = new Client(chooseSockets(socket), requestTimeout, () => {
        void terminal.err(
          `nspawnctl: nspawnd is starting; waiting for it (${requestTimeout / 1000}s at most)\n`,
        );
      });
      code = await action({ client, terminal }, ...(args as unknown as T));
    };
  const program = nspawnctlProgram(act, {
    writeOut: text => void terminal.out(text),
    writeErr: text => void terminal.err(text),
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said it already; its own codes are not ours.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}

/**
 * The command line as a whole: the options that every command has, and the commands of `commands.ts`. The manual page is
 * made of the same.
 */
export function nspawnctlProgram(act: Act, output: OutputConfiguration): Command {
  const program = new Command('nspawnctl')
    .description('See and steer the containers that nspawnd runs from manifests.')
    .version(`nspawnctl ${productVersion()}`, '-V, --version', 'show the version of this command')
    .option(
      '--socket <path>',
      `socket of nspawnd, or the directory of both (default: ${DEFAULT_RUNTIME_DIRECTORY})`,
    )
    .addOption(spanOption('--request-timeout <span>', 'how long nspawnd may take to answer', 10_000, '10s'))
    .showSuggestionAfterError()
    .showHelpAfterError('(nspawnctl --help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput(output)
    .exitOverride();
  for (const { heading, commands } of COMMAND_GROUPS) {
    program.commandsGroup(heading);
    for (const register of commands) register(program, act);
  }
  program.addHelpCommand(new Command('help').argument('[command]').description('show help for a command'));
  for (const command of program.commands)
    command.showHelpAfterError(`(nspawnctl ${command.name()} --help shows what it takes)`);
  return program;
}
