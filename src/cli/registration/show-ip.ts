import { nameArgument, type Register } from '../command-line.ts';

export const registerShowIp: Register = (program, act) => {
  program
    .command('show-ip')
    .addArgument(nameArgument('<name>', 'a container'))
    .description("a container's IPv4 address")
    .option('--all', 'every address of its own, IPv6 too, one a line')
    .action(
      act(async (context, name: string, options: { all?: boolean }) => {
        const { showIp } = await import('../command/show-ip.ts');
        return showIp(name, { all: options.all === true }, context);
      }),
    );
};
