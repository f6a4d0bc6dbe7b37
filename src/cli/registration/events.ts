import { choiceOption, type Register } from '../command-line.ts';
import { namesOf } from '../resource-words.ts';

interface Options {
  readonly watch?: true;
  readonly output?: 'json' | 'yaml';
  readonly types?: string;
  readonly headers: boolean;
}

export const registerEvents: Register = (program, act) => {
  program
    .command('events')
    .argument('[name...]', 'containers; all when none are named')
    .description('what happened to containers, the newest last')
    .option('-w, --watch', 'go on with what happens')
    .addOption(choiceOption('-o, --output <form>', 'form of the answer', ['json', 'yaml']))
    .option('--types <types>', 'only such: Warning, or Normal')
    .option('--no-headers', 'the table without its first line')
    .action(
      act(async (context, words: readonly string[], { watch, output, types, headers }: Options) => {
        const { events } = await import('../command/events.ts');
        const wanted = types === undefined ? null : types.toLowerCase().split(',');
        const options = { watch: watch === true, output: output ?? 'table', types: wanted, headers } as const;
        return events(namesOf(words), options, context);
      }),
    );
};
