import { nameArgument, type Register } from '../command-line.ts';

export const registerStatus: Register = (program, act) => {
  program
    .command('status')
    .addArgument(nameArgument('<name>', 'a container'))
    .description('one word: up, starting, stopping, down, failed or gone; exit code 0 only when it is up')
    .action(
      act(async (context, name: string) => {
        const { status } = await import('../command/status.ts');
        return status(name, context);
      }),
    );
};
