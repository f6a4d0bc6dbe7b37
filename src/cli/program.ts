import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { parseDurationSec } from '../api/duration.ts';
import { VERBS } from '../server/protocol.ts';
import { productVersion } from '../version.ts';
import { Client } from './client/client.ts';
import { chooseSockets, DEFAULT_RUNTIME_DIRECTORY } from './client/sockets.ts';
import type { Context } from './context.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';
import { OUTPUT_FORMATS, type OutputFormat } from './view/output.ts';

interface GlobalOptions {
  readonly socket?: string;
  readonly requestTimeout: number;
}

/**
 * The command line: what can be typed, and which file does it. Each command is loaded only when it is the one, so that
 * none pays for the others.
 */
export async function runProgram(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = EXIT.done;
  const program = new Command('nspawnctl')
    .description('See and steer the containers that nspawnd runs from manifests.')
    .version(`nspawnctl ${productVersion()}`, '-V, --version', 'show the version of this command')
    .option(
      '--socket <path>',
      `socket of nspawnd, or the directory of both (default: ${DEFAULT_RUNTIME_DIRECTORY})`,
    )
    .addOption(
      new Option('--request-timeout <span>', 'how long nspawnd may take to answer')
        .argParser(parseSpanMs)
        .default(10_000, '10s'),
    )
    .showSuggestionAfterError()
    .showHelpAfterError('(nspawnctl --help shows what there is)')
    .configureHelp({ showGlobalOptions: true })
    .helpCommand('help [command]', 'show help for a command')
    .configureOutput({
      writeOut: text => void terminal.out(text),
      writeErr: text => void terminal.err(text),
    })
    .exitOverride();

  const act =
    <T extends unknown[]>(action: (context: Context, ...args: T) => Promise<ExitCode>) =>
    async (...args: [...T, unknown, Command]) => {
      const { socket, requestTimeout } = program.opts<GlobalOptions>();
      const client = new Client(chooseSockets(socket), requestTimeout);
      code = await action({ client, terminal }, ...(args as unknown as T));
    };

  program
    .command('get')
    .argument('[name...]', 'containers; all when none are named')
    .description('how the containers are')
    .addOption(new Option('-o, --output <format>', 'form of the answer').choices(OUTPUT_FORMATS.slice(1)))
    .option('-w, --watch', 'go on with a line per change')
    .action(
      act(async (context, names: string[], options: { output?: OutputFormat; watch?: boolean }) => {
        const { output = 'table' } = options;
        if (options.watch === true) {
          const { watch } = await import('./command/watch.ts');
          return watch(names, output, context);
        }
        const { get } = await import('./command/get.ts');
        return get(names, { output }, context);
      }),
    );

  program
    .command('describe')
    .argument('<name>', 'a container')
    .description('everything about one container, and why it is not ready')
    .action(
      act(async (context, name: string) => {
        const { describe } = await import('./command/describe.ts');
        return describe(name, context);
      }),
    );

  program
    .command('validate')
    .argument('<file...>', 'manifests or directories of them; - reads standard input')
    .description('show every problem of manifests; works without nspawnd')
    .action(
      act(async ({ terminal: to }, files: string[]) => {
        const { validate } = await import('./command/validate.ts');
        return validate(files, to);
      }),
    );

  program
    .command('diff')
    .argument('[file...]', 'manifests or directories of them; - reads standard input')
    .description('what would change with these manifests, or, with none, what nspawnd would do now')
    .action(
      act(async (context, files: string[]) => {
        const { diff } = await import('./command/diff.ts');
        return diff(files, context);
      }),
    );

  for (const verb of VERBS) {
    program
      .command(verb)
      .argument('<name...>', 'containers')
      .description(DESCRIPTION[verb])
      .option('--no-wait', 'do not wait until it has happened')
      .addOption(
        new Option('--timeout <span>', 'how long to wait').argParser(parseSpanMs).default(300_000, '5m'),
      )
      .action(
        act(async (context, names: string[], options: { wait: boolean; timeout: number }) => {
          const { request } = await import('./command/request.ts');
          return request(verb, names, { wait: options.wait, timeoutMs: options.timeout }, context);
        }),
      );
  }

  program
    .command('prune')
    .description('show deletions that are held, or confirm them')
    .option('--confirm <hash>', 'let exactly the deletions with this hash happen')
    .action(
      act(async (context, options: { confirm?: string }) => {
        const { prune } = await import('./command/prune.ts');
        return prune({ confirm: options.confirm }, context);
      }),
    );

  program
    .command('version')
    .description('show the versions of this command and of nspawnd')
    .option('--client', 'only of this command')
    .action(
      act(async (context, options: { client?: boolean }) => {
        const { version } = await import('./command/version.ts');
        return version({ client: options.client === true }, context);
      }),
    );

  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has said it already; its own codes are not ours.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    throw error;
  }
}

const DESCRIPTION = {
  start: 'start containers and wait until they are ready',
  stop: 'stop containers and wait until they are down; they stay down until started, edited or the host boots',
  restart: 'restart containers and wait until they are ready again',
} as const;

function parseSpanMs(text: string): number {
  const seconds = parseDurationSec(text);
  if (seconds === null || seconds <= 0 || seconds > 2_000_000)
    throw new InvalidArgumentError('Not a time span such as 500ms, 10s or 2min.');
  return Math.ceil(seconds * 1000);
}
