import { nameArgument, type Register } from '../command-line.ts';

interface Options {
  readonly stdin?: true;
  readonly tty?: true;
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly enter?: true;
}

export const registerExec: Register = (program, act) => {
  program
    .command('exec')
    .addArgument(nameArgument('<name>', 'a running container'))
    .argument('<command...>', 'what to run in it, after --')
    .description("run a command in a container, as kubectl does; ends with the command's exit status")
    .option('-i, --stdin', 'our input is that of the command; without, it has none')
    .option('-t, --tty', 'a terminal for the command; with -i, and where we have one')
    .option(
      '-e, --env <NAME=VALUE>',
      'a variable; may be given often',
      (value: string, before: string[] = []) => [...before, value],
    )
    .option('-u, --user <user>', 'who runs it, by name or number; root when not given')
    .option('-w, --workdir <path>', "where; the user's home when not given")
    .option('--enter', 'by its namespaces and not through its systemd, for when that does not answer')
    .action(
      act(async (context, name: string, command: string[], options: Options) => {
        const { exec } = await import('../command/exec.ts');
        const { stdin, tty, env = [], user = null, workdir = null, enter } = options;
        const wished = { variables: env, user, workdir, enter: enter === true };
        return exec(name, command, { ...wished, stdin: stdin === true, tty: tty === true }, context);
      }),
    );
};
