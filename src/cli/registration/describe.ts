import type { Register } from '../command-line.ts';
import { nameOf, namesOf } from '../resource-words.ts';

export const registerDescribe: Register = (program, act) => {
  program
    .command('describe')
    .argument('<name...>', 'containers')
    .description('everything about containers, and why they are not ready')
    .action(
      act(async (context, words: readonly string[]) => {
        const { describe } = await import('../command/describe.ts');
        return describe(words.length > 1 ? namesOf(words) : words.map(nameOf), context);
      }),
    );
};
