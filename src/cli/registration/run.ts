import { nameArgument, type Register } from '../command-line.ts';

export const registerRun: Register = (program, act) => {
  program
    .command('run')
    .addArgument(nameArgument('<name>', 'a running container'))
    .argument('<command...>', 'what to run in it, after --')
    .description(
      "run a command in a container, with our input and output; ends with the command's exit status",
    )
    .option('--enter', 'by its namespaces and not through its systemd, for when that does not answer')
    .action(
      act(async (context, name: string, command: string[], options: { enter?: boolean }) => {
        const { run } = await import('../command/run.ts');
        return run(name, command, { enter: options.enter === true }, context);
      }),
    );
};
