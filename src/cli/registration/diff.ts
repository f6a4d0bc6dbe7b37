import type { Register } from '../command-line.ts';

export const registerDiff: Register = (program, act) => {
  program
    .command('diff')
    .argument('[file...]', 'manifests or directories of them; - reads standard input')
    .description('what would change with these manifests, or, with none, what nspawnd would do now')
    .action(
      act(async (context, files: string[]) => {
        const { diff } = await import('../command/diff.ts');
        return diff(files, context);
      }),
    );
};
