import { choiceOption, type Register } from '../command-line.ts';
import { namesOf } from '../resource-words.ts';
import { USAGE_ORDERS, type UsageOrder } from '../view/usage.ts';

export const registerTop: Register = (program, act) => {
  program
    .command('top')
    .argument('[name...]', 'containers; all that run when none are named')
    .description('what running containers use: processor, memory, tasks, network; live on a terminal')
    .option('--once', 'print it once also on a terminal')
    .addOption(choiceOption('--sort-by <what>', 'the order', USAGE_ORDERS).default('name'))
    .addOption(choiceOption('-o, --output <format>', 'form of the answer', ['json', 'yaml']))
    .action(
      act(
        async (
          context,
          words: readonly string[],
          options: { once?: boolean; sortBy: UsageOrder; output?: 'json' | 'yaml' },
        ) => {
          const { top } = await import('../command/top.ts');
          const { once = false, sortBy, output = 'table' } = options;
          return top(namesOf(words), { isOnce: once, order: sortBy, output }, context);
        },
      ),
    );
};
