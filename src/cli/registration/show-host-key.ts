import { hiddenOption, nameArgument, type Register } from '../command-line.ts';

export const registerShowHostKey: Register = (program, act) => {
  program
    .command('show-host-key')
    .addArgument(nameArgument('<name>', 'a container'))
    .description("the public keys of a container's ssh server, one a line")
    // How the command calls itself.
    .addOption(hiddenOption('--read'))
    .action(
      act(async (context, name: string, options: { read?: boolean }) => {
        const { printHostKeys, showHostKey } = await import('../command/show-host-key.ts');
        return options.read === true ? printHostKeys(name, context) : showHostKey(name, context);
      }),
    );
};
