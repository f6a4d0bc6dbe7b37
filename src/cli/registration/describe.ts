import type { Register } from '../command-line.ts';

export const registerDescribe: Register = (program, act) => {
  program
    .command('describe')
    .argument('<name>', 'a container')
    .description('everything about one container, and why it is not ready')
    .action(
      act(async (context, name: string) => {
        const { describe } = await import('../command/describe.ts');
        return describe(name, context);
      }),
    );
};
