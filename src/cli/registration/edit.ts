import { nameArgument, type Register } from '../command-line.ts';

export const registerEdit: Register = (program, act) => {
  program
    .command('edit')
    .addArgument(nameArgument('<name>', 'container'))
    .description("edit a container's manifest in $VISUAL or $EDITOR; nothing happens until it is valid")
    .action(
      act(async (context, name: string) => {
        const { edit } = await import('../command/edit.ts');
        return edit(name, context);
      }),
    );
};
