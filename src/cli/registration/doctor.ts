import { choiceOption, type Register } from '../command-line.ts';

export const registerDoctor: Register = (program, act) => {
  program
    .command('doctor')
    .description('whether this host is as nspawnd needs it, and what to do where it is not')
    .addOption(choiceOption('-o, --output <format>', 'form of the answer', ['json', 'yaml']))
    .action(
      act(async (context, options: { output?: 'json' | 'yaml' }) => {
        const { doctor } = await import('../command/doctor.ts');
        return doctor({ output: options.output ?? 'table' }, context);
      }),
    );
};
