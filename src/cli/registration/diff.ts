import type { Register } from '../command-line.ts';

export const registerDiff: Register = (program, act) => {
  program
    .command('diff')
    .argument('[file...]', 'manifests or directories of them; - reads standard input')
    .description('what would change with these manifests, or, with none, what nspawnd would do now')
    .option('-f, --filename <file...>', 'the same, as kubectl has it')
    .action(
      act(async (context, named: string[], { filename = [] }: { filename?: string[] }) => {
        const { diff } = await import('../command/diff.ts');
        return diff([...named, ...filename], context);
      }),
    );
};
