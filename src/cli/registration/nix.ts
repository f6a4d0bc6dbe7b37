import { choiceOption, nameArgument, parseNumber, type Register, spanOption } from '../command-line.ts';

/** What containers have whose systems are made by Nix. */
export const registerNix: Register = (program, act) => {
  program
    .command('update')
    .addArgument(nameArgument('<name...>', 'containers with path, config or flake'))
    .description('make the systems of containers anew with Nix, and bring them to the guests that run')
    .option(
      '--reload-only',
      'build nothing; switch the guests to the systems they have, as systemctl reload does',
    )
    .option('--no-wait', 'do not wait until it has happened')
    .addOption(spanOption('--timeout <span>', 'how long to wait', 7_200_000, '2h'))
    .action(
      act(
        async (
          context,
          names: string[],
          options: { reloadOnly?: boolean; wait: boolean; timeout: number },
        ) => {
          const { update } = await import('../command/update.ts');
          const { reloadOnly = false, wait, timeout } = options;
          return update(names, { reloadOnly, wait, timeoutMs: timeout }, context);
        },
      ),
    );

  program
    .command('rollback')
    .addArgument(nameArgument('<name>', 'a container with path, config or flake'))
    .description('go back to an earlier system, and bring it to the guest if it runs')
    .option('--to <generation>', 'its number; without it, the one before the current one', parseNumber)
    .option('--no-wait', 'do not wait until it has happened')
    .addOption(spanOption('--timeout <span>', 'how long to wait', 600_000, '10m'))
    .action(
      act(async (context, name: string, options: { to?: number; wait: boolean; timeout: number }) => {
        const { rollback } = await import('../command/rollback.ts');
        const { to = null, wait, timeout } = options;
        return rollback(name, { to, wait, timeoutMs: timeout }, context);
      }),
    );

  program
    .command('generations')
    .addArgument(nameArgument('<name>', 'a container with path, config or flake'))
    .description('the systems that Nix has made for a container')
    .addOption(choiceOption('-o, --output <format>', 'form of the answer', ['json', 'yaml']))
    .action(
      act(async (context, name: string, options: { output?: 'json' | 'yaml' }) => {
        const { generations } = await import('../command/generations.ts');
        return generations(name, { output: options.output ?? 'table' }, context);
      }),
    );
};
