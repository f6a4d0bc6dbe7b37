import type { Register } from '../command-line.ts';

export const registerPrune: Register = (program, act) => {
  program
    .command('prune')
    .description('show deletions that are held, or confirm them')
    .option('--confirm <hash>', 'let exactly the deletions with this hash happen')
    .action(
      act(async (context, options: { confirm?: string }) => {
        const { prune } = await import('../command/prune.ts');
        return prune({ confirm: options.confirm }, context);
      }),
    );
};
