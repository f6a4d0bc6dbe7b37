import { type Register, spanOption } from '../command-line.ts';
import { namesOf } from '../resource-words.ts';

interface Options {
  readonly filename?: readonly string[];
  readonly dryRun?: boolean;
  readonly ignoreNotFound?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
}

export const registerDelete: Register = (program, act) => {
  program
    .command('delete')
    .argument('[name...]', 'containers')
    .description(
      'delete the manifests of containers, which stops them; roots stay (destroy deletes them, too)',
    )
    .option('-f, --filename <file...>', 'those that these manifests name')
    .option('--dry-run', 'only say what would be deleted')
    .option('--ignore-not-found', 'what is not there is deleted already')
    .option('--no-wait', 'do not wait until they are gone')
    .addOption(spanOption('--timeout <span>', 'how long to wait', 300_000, '5m'))
    .action(
      act(async (context, words: readonly string[], options: Options) => {
        const { deleteContainers } = await import('../command/delete.ts');
        const { filename = [], dryRun = false, ignoreNotFound = false, wait, timeout: timeoutMs } = options;
        return deleteContainers(
          namesOf(words),
          filename,
          { dryRun, ignoreNotFound, wait, timeoutMs },
          context,
        );
      }),
    );
};
