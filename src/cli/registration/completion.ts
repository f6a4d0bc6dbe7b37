import type { Register } from '../command-line.ts';
import { SHELLS, type Shell } from '../completion/script.ts';

export const registerCompletion: Register = (program, act) => {
  program
    .command('completion')
    .addArgument(program.createArgument('<shell>', 'which shell').choices(SHELLS))
    .description('print what a shell needs to complete commands, options and names')
    .action(
      act(async ({ terminal }, shell: Shell) => {
        const { completionScript } = await import('../completion/script.ts');
        await terminal.out(completionScript(shell));
        return 0;
      }),
    );

  // For the front, which completes names by itself.
  program
    .command('__takers', { hidden: true })
    .argument('<count>')
    .action(
      act(async ({ terminal }, count: string) => {
        const { shapeOf } = await import('../completion/command-shape.ts');
        const { takersOfNames } = await import('../completion/takers.ts');
        await terminal.out(`${takersOfNames(shapeOf(program), count === 'many').join(' ')}\n`);
        return 0;
      }),
    );

  program
    .command('__complete', { hidden: true })
    .argument('[word...]')
    .action(
      act(async ({ terminal }, words: string[]) => {
        const { shapeOf } = await import('../completion/command-shape.ts');
        const { completeWords } = await import('../command/complete.ts');
        return completeWords(shapeOf(program), words, terminal);
      }),
    );
};
