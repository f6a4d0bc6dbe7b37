import type { Register } from '../command-line.ts';

export const registerList: Register = (program, act) => {
  program
    .command('list')
    .description('the names of all containers, one a line')
    .action(
      act(async context => {
        const { list } = await import('../command/list.ts');
        return list(context);
      }),
    );
};
