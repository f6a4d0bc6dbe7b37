import type { Register } from '../command-line.ts';

export const registerVersion: Register = (program, act) => {
  program
    .command('version')
    .description('show the versions of this command and of nspawnd')
    .option('--client', 'only of this command')
    .action(
      act(async (context, options: { client?: boolean }) => {
        const { version } = await import('../command/version.ts');
        return version({ client: options.client === true }, context);
      }),
    );
};
