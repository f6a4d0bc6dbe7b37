import type { Register } from '../command-line.ts';

export const registerValidate: Register = (program, act) => {
  program
    .command('validate')
    .argument('<file...>', 'manifests or directories of them; - reads standard input')
    .description('show every problem of manifests; works without nspawnd')
    .action(
      act(async ({ terminal }, files: string[]) => {
        const { validate } = await import('../command/validate.ts');
        return validate(files, terminal);
      }),
    );
};
