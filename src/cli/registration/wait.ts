import {
  FIELD_SELECTOR,
  LABEL_SELECTOR,
  patienceOption,
  type Register,
  type SelectorOptions,
  selectorsOf,
} from '../command-line.ts';
import { namesOf } from '../resource-words.ts';

interface Options extends SelectorOptions {
  readonly for: string;
  readonly timeout: number;
  readonly all?: boolean;
}

export const registerWait: Register = (program, act) => {
  program
    .command('wait')
    .argument('[name...]', 'containers')
    .description(
      'wait until containers are as they should be; exit code 0 when they are, 124 when not in time',
    )
    .requiredOption(
      '--for <what>',
      "condition=Ready, condition=Ready=false, delete, create, jsonpath='{.status.phase}'=Running",
    )
    .addOption(patienceOption('--timeout <span>', 'how long to wait; 0 looks once', 30_000, '30s'))
    .option('--all', 'for all that there are')
    .option(LABEL_SELECTOR, 'for those with such labels: tier=front,env!=dev')
    .option(FIELD_SELECTOR, 'for those with such fields: status.phase=Starting')
    .action(
      act(async (context, words: readonly string[], options: Options) => {
        const { wait } = await import('../command/wait.ts');
        const { timeout: timeoutMs, all = false } = options;
        const how = { for: options.for, timeoutMs, all, selectors: selectorsOf(options) };
        return wait(namesOf(words), how, context);
      }),
    );
};
