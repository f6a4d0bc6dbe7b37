import { nameArgument, type Register } from '../command-line.ts';

export const registerRootLogin: Register = (program, act) => {
  program
    .command('root-login')
    .addArgument(nameArgument('<name>', 'a running container'))
    .description("root's shell in a container, without a password")
    .option('--enter', 'by its namespaces and not through its systemd, for when that does not answer')
    .action(
      act(async (context, name: string, options: { enter?: boolean }) => {
        const { rootLogin } = await import('../command/root-login.ts');
        return rootLogin(name, { enter: options.enter === true }, context);
      }),
    );
};
