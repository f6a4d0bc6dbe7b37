import type { Register } from '../command-line.ts';

export const registerSchema: Register = (program, act) => {
  program
    .command('schema')
    .description('print the JSON Schema of manifests, for editors; works without nspawnd')
    .action(
      act(async ({ terminal }) => {
        const { schema } = await import('../command/schema.ts');
        return schema(terminal);
      }),
    );
};
