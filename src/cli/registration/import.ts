import { hiddenOption, type Register } from '../command-line.ts';

export const registerImport: Register = (program, act) => {
  program
    .command('import')
    .argument('[file...]', 'NAME.conf, NAME.nspawn, or the JSON of NixOS containers (- for standard input)')
    .description('make manifests of what this host has: NixOS containers, systemd-nspawn@; what runs goes on')
    .option('--dry-run', 'show what it would write, and what would not be carried')
    .option('--manifests <dir>', 'where to write them', '/etc/nspawnd/manifests')
    .addOption(hiddenOption('--host-root <dir>'))
    .action(
      act(
        async (
          { terminal },
          files: string[],
          options: { dryRun?: boolean; manifests: string; hostRoot?: string },
        ) => {
          const { importContainers } = await import('../command/import.ts');
          const { dryRun = false, manifests, hostRoot = '' } = options;
          return importContainers(files, { dryRun, manifests, hostRoot }, terminal);
        },
      ),
    );
};
