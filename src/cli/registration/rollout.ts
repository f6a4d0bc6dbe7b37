import { choiceOption, nameArgument, parseNumber, type Register, spanOption } from '../command-line.ts';

/** The specs of a container over time, in the words of kubectl rollout. */
export const registerRollout: Register = (program, act) => {
  const rollout = program
    .command('rollout')
    .description('see how an edited manifest does, and go back or try again');

  rollout
    .command('status')
    .addArgument(nameArgument('<name>', 'a container'))
    .description('wait until the spec of its manifest has shown that it works, or has not')
    .option('--no-watch', 'look once')
    .addOption(spanOption('--timeout <span>', 'how long to wait', 600_000, '10m'))
    .action(
      act(async (context, name: string, options: { watch: boolean; timeout: number }) => {
        const { rolloutStatus } = await import('../command/rollout-status.ts');
        return rolloutStatus(name, { watch: options.watch, timeoutMs: options.timeout }, context);
      }),
    );

  rollout
    .command('history')
    .addArgument(nameArgument('<name>', 'a container'))
    .description('the specs that it has had, and what became of each')
    .option('--revision <number>', 'show the spec of this one', parseNumber)
    .addOption(choiceOption('-o, --output <format>', 'form of the answer', ['json', 'yaml']))
    .action(
      act(async (context, name: string, options: { revision?: number; output?: 'json' | 'yaml' }) => {
        const { rolloutHistory } = await import('../command/rollout-history.ts');
        const { revision = null, output = 'table' } = options;
        return rolloutHistory(name, { revision, output }, context);
      }),
    );

  rollout
    .command('undo')
    .addArgument(nameArgument('<name>', 'a container'))
    .description('make an earlier spec what its manifest says')
    .option('--to-revision <number>', 'this one; without it, the last one that was Ready', parseNumber)
    .action(
      act(async (context, name: string, options: { toRevision?: number }) => {
        const { rolloutUndo } = await import('../command/rollout-change.ts');
        return rolloutUndo(name, options.toRevision ?? null, context);
      }),
    );

  rollout
    .command('retry')
    .addArgument(nameArgument('<name>', 'a container'))
    .description('try the spec of its manifest again that was given up')
    .action(
      act(async (context, name: string) => {
        const { rolloutRetry } = await import('../command/rollout-change.ts');
        return rolloutRetry(name, context);
      }),
    );

  for (const command of rollout.commands)
    command.showHelpAfterError(`(nspawnctl rollout ${command.name()} --help shows what it takes)`);
};
