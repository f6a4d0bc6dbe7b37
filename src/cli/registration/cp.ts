import type { Register } from '../command-line.ts';

export const registerCp: Register = (program, act) => {
  program
    .command('cp')
    .argument('<source>', 'a file or directory: PATH, NAME:PATH in a container, or - for the input')
    .argument('<destination>', 'where to: PATH, NAME:PATH, or - for the output')
    .description('copy files and directories into a container, out of it, or from one to another')
    .action(
      act(async (context, source: string, destination: string) => {
        const { cp } = await import('../command/cp.ts');
        return cp(source, destination, context);
      }),
    );
};
