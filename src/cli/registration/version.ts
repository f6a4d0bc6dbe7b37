import { choiceOption, type Register } from '../command-line.ts';

export const registerVersion: Register = (program, act) => {
  program
    .command('version')
    .description('show the versions of this command and of nspawnd')
    .option('--client', 'only of this command')
    .addOption(choiceOption('-o, --output <format>', 'form of the answer', ['json', 'yaml']))
    .action(
      act(async (context, options: { client?: boolean; output?: 'json' | 'yaml' }) => {
        const { version } = await import('../command/version.ts');
        const { client = false, output = 'text' } = options;
        return version({ isClientOnly: client, output }, context);
      }),
    );
};
