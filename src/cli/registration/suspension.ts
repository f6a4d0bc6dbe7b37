import { nameArgument, optionalSpanOption, type Register } from '../command-line.ts';

/** What people say to nspawnd itself about containers. */
export const registerSuspension: Register = (program, act) => {
  program
    .command('suspend')
    .addArgument(nameArgument('<name...>', 'containers'))
    .description("keep nspawnd's hands off containers, also through a boot, until resumed")
    .addOption(optionalSpanOption('--for <span>', 'resume by itself after a while: 30min, 2h'))
    .action(
      act(async (context, names: string[], options: { readonly for?: number }) => {
        const { suspend } = await import('../command/suspension.ts');
        return suspend(names, options.for ?? null, context);
      }),
    );
  program
    .command('resume')
    .addArgument(nameArgument('<name...>', 'containers'))
    .description('let nspawnd look after containers again')
    .action(
      act(async (context, names: string[]) => {
        const { resume } = await import('../command/suspension.ts');
        return resume(names, context);
      }),
    );
  program
    .command('reconcile')
    .addArgument(nameArgument('<name...>', 'containers'))
    .description('let nspawnd look at containers now instead of at the next turn, and say what it found')
    .action(
      act(async (context, names: string[]) => {
        const { reconcile } = await import('../command/suspension.ts');
        return reconcile(names, context);
      }),
    );
};
