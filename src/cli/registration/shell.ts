import { nameArgument, type Register } from '../command-line.ts';

export const registerShell: Register = (program, act) => {
  program
    .command('shell')
    .addArgument(nameArgument('<name>', 'a running container'))
    .argument('[command...]', 'a line for the shell, after --; without it you talk to the shell')
    .description("root's shell in a container, or another user's, without a password")
    .option('-u, --user <user>', 'whose, by name or number; root when not given')
    .option('--enter', 'by its namespaces and not through its systemd, for when that does not answer')
    .action(
      act(async (context, name: string, command: string[], options: { user?: string; enter?: boolean }) => {
        const { shell } = await import('../command/shell.ts');
        const { user = null, enter } = options;
        return shell(name, command, { user, enter: enter === true }, context);
      }),
    );
};
