import {
  FIELD_SELECTOR,
  LABEL_SELECTOR,
  outputOption,
  type Register,
  type SelectorOptions,
  selectorsOf,
} from '../command-line.ts';
import { namesOf } from '../resource-words.ts';
import { type OutputForm, TABLE } from '../view/output-form.ts';

interface Options extends SelectorOptions {
  readonly output?: OutputForm;
  readonly watch?: boolean;
  readonly sortBy?: string;
  readonly headers: boolean;
  readonly showLabels?: boolean;
  readonly labelColumns?: readonly string[];
  readonly ignoreNotFound?: boolean;
}

export const registerGet: Register = (program, act) => {
  program
    .command('get')
    .argument('[name...]', 'containers; all when none are named')
    .description('how the containers are')
    .addOption(outputOption())
    .option('-w, --watch', 'go on with a line per change')
    .option(LABEL_SELECTOR, 'only those with such labels: tier=front,env!=dev')
    .option(FIELD_SELECTOR, 'only those with such fields: status.phase=Running')
    .option('--sort-by <path>', 'by a field: .metadata.creationTimestamp')
    .option('--no-headers', 'the table without its first line')
    .option('--show-labels', 'all labels in a last column')
    .option('-L, --label-columns <labels>', 'a column for each of these labels', collect)
    .option('--ignore-not-found', 'say nothing about names that there are not')
    .action(
      act(async (context, words: readonly string[], options: Options) => {
        const names = namesOf(words);
        const how = {
          output: options.output ?? TABLE,
          headers: options.headers,
          showLabels: options.showLabels ?? false,
          labelColumns: options.labelColumns ?? [],
          selectors: selectorsOf(options),
          sortBy: options.sortBy ?? null,
          ignoreNotFound: options.ignoreNotFound ?? false,
        };
        if (options.watch === true) {
          const { watch } = await import('../command/watch.ts');
          return watch(names, how, context);
        }
        const { get } = await import('../command/get.ts');
        return get(names, how, context);
      }),
    );
};

/** Given more than once, or with commas. */
function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',').filter(label => label !== '')];
}
