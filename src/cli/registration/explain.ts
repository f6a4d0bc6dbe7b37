import type { Register } from '../command-line.ts';

export const registerExplain: Register = (program, act) => {
  program
    .command('explain')
    .argument('[field]', 'such as spec.restartPolicy; the manifest as a whole when not given')
    .description('what may stand in a manifest, and what it does; works without nspawnd')
    .option('--recursive', 'only the names and types of all fields below')
    .action(
      act(async ({ terminal }, field: string | undefined, options: { recursive?: boolean }) => {
        const { explain } = await import('../command/explain.ts');
        return explain(field, { isRecursive: options.recursive === true }, terminal);
      }),
    );
};
