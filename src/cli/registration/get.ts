import { choiceOption, type Register } from '../command-line.ts';
import { OUTPUT_FORMATS, type OutputFormat } from '../view/output.ts';

export const registerGet: Register = (program, act) => {
  program
    .command('get')
    .argument('[name...]', 'containers; all when none are named')
    .description('how the containers are')
    .addOption(choiceOption('-o, --output <format>', 'form of the answer', OUTPUT_FORMATS.slice(1)))
    .option('-w, --watch', 'go on with a line per change')
    .action(
      act(async (context, names: string[], options: { output?: OutputFormat; watch?: boolean }) => {
        const { output = 'table' } = options;
        if (options.watch === true) {
          const { watch } = await import('../command/watch.ts');
          return watch(names, output, context);
        }
        const { get } = await import('../command/get.ts');
        return get(names, { output }, context);
      }),
    );
};
