import { nameArgument, type Register, spanOption } from '../command-line.ts';

export const registerDestroy: Register = (program, act) => {
  program
    .command('destroy')
    .addArgument(nameArgument('<name...>', 'containers made by nspawnctl create'))
    .description('remove containers for good: manifest, root and Nix profiles; asks first')
    .option('-y, --yes', 'do not ask')
    .option('--keep-root', 'remove the container, and keep its root')
    .addOption(spanOption('--timeout <span>', 'how long to wait until it is down', 300_000, '5m'))
    .action(
      act(
        async (context, names: string[], options: { yes?: boolean; keepRoot?: boolean; timeout: number }) => {
          const { destroy } = await import('../command/destroy.ts');
          const { yes = false, keepRoot = false, timeout } = options;
          return destroy(names, { isAgreed: yes, keepRoot, timeoutMs: timeout }, context);
        },
      ),
    );
};
