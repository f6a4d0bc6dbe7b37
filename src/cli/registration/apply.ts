import type { Register } from '../command-line.ts';

interface Options {
  readonly filename: readonly string[];
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly selector?: string;
  readonly all?: boolean;
  readonly forceConflicts?: boolean;
}

export const registerApply: Register = (program, act) => {
  program
    .command('apply')
    .description('make containers as manifests say: their manifests are written, or changed where they stand')
    .requiredOption('-f, --filename <file...>', 'manifests or directories of them; - reads standard input')
    .option('--dry-run', 'only say what would change')
    .option('--prune', 'also delete what was applied before and is in none of the files; with -l or --all')
    .option('-l, --selector <labels>', 'with --prune: only those with such labels')
    .option('--all', 'with --prune: whatever their labels')
    .option('--force-conflicts', 'take over the fields that others have applied')
    .action(
      act(async (context, options: Options) => {
        const { apply } = await import('../command/apply.ts');
        const { filename, dryRun = false, prune = false, selector = null, all = false } = options;
        const { forceConflicts: force = false } = options;
        return apply(filename, { dryRun, force, prune: { isOn: prune, selector, all } }, context);
      }),
    );
};
