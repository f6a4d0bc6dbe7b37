import { nameArgument, type Register } from '../command-line.ts';

export const registerLogin: Register = (program, act) => {
  program
    .command('login')
    .addArgument(nameArgument('<name>', 'a running container'))
    .description("a container's own login prompt")
    .action(
      act(async (context, name: string) => {
        const { login } = await import('../command/login.ts');
        return login(name, context);
      }),
    );
};
