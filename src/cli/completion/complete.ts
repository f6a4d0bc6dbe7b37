import type { CommandShape, OptionShape, ValueShape } from './command-shape.ts';

/** What may stand where the cursor is; the last word is what was typed of it, possibly nothing. Pure. */
export type Wanted =
  | { readonly is: 'words'; readonly words: readonly Word[]; readonly prefix: string }
  /** Names of containers, but for those that stand there already. */
  | { readonly is: 'names'; readonly except: readonly string[]; readonly prefix: string }
  | { readonly is: 'fields'; readonly prefix: string }
  | { readonly is: 'files' }
  /** A file here, or NAME:PATH in a container. */
  | { readonly is: 'places' }
  | { readonly is: 'nothing' };

export interface Word {
  readonly text: string;
  readonly description: string;
}

/** From the words after the command's own name, as a shell has them. */
export function complete(program: CommandShape, given: readonly string[]): Wanted {
  const { words, isSplit } = joinAssignments(given);
  const current = words.at(-1) ?? '';
  const { command, operands, options, open, isAfterDashes } = walk(program, words.slice(0, -1));
  if (open !== null) return valueWanted(open, command, [], '');
  if (!isAfterDashes && current.startsWith('-')) {
    const [flag = '', assigned] = current.split(/=(.*)/s);
    if (assigned === undefined) return { is: 'words', words: options.flatMap(optionWords), prefix: '' };
    const value = options.find(option => option.flags.includes(flag))?.value ?? null;
    // bash has the part behind the sign for a word of its own.
    return value === null ? NOTHING : valueWanted(value, command, [], isSplit ? '' : `${flag}=`);
  }
  if (command.name === 'help') return operands.length > 0 ? NOTHING : commandWords(program);
  if (command.commands.length > 0) return operands.length > 0 ? NOTHING : commandWords(command);
  const position = Math.min(operands.length, command.arguments.length - 1);
  const argument = command.arguments[position];
  if (argument === undefined || (operands.length > position && !argument.isVariadic)) return NOTHING;
  return valueWanted(argument, command, argument.isVariadic ? operands.slice(position) : [], '');
}

const NOTHING: Wanted = { is: 'nothing' };

/** Which command it is, what it was given so far, and the option whose value comes next. */
function walk(program: CommandShape, before: readonly string[]) {
  let command = program;
  let options: readonly OptionShape[] = program.options;
  let operands: string[] = [];
  let open: ValueShape | null = null;
  let isAfterDashes = false;
  for (const word of before) {
    if (open !== null) open = null;
    else if (word === '--' && !isAfterDashes) isAfterDashes = true;
    else if (word.startsWith('-') && word !== '-' && !isAfterDashes)
      open = options.find(({ flags }) => flags.includes(word))?.value ?? null;
    else {
      const next = operands.length > 0 ? undefined : command.commands.find(({ name }) => name === word);
      if (next === undefined) operands = [...operands, word];
      else {
        command = next;
        options = [...next.options, ...program.options.filter(({ flags }) => !isOneOf(flags, next.options))];
      }
    }
  }
  return { command, operands, options, open, isAfterDashes };
}

/** Every command has a --help of its own. */
function isOneOf(flags: readonly string[], options: readonly OptionShape[]): boolean {
  return options.some(option => option.flags.some(flag => flags.includes(flag)));
}

/** bash breaks `--output=js` into three words; `isSplit` when the last one was. */
function joinAssignments(given: readonly string[]): { words: readonly string[]; isSplit: boolean } {
  const words: string[] = [];
  let isSplit = false;
  for (const [index, word] of given.entries()) {
    const before = words.at(-1);
    const isSign = word === '=' && before?.startsWith('--') === true && !before.includes('=');
    const isValue = given[index - 1] === '=' && before?.endsWith('=') === true;
    isSplit = isSign || isValue;
    if (isSplit) words[words.length - 1] = `${before}${word}`;
    else words.push(word);
  }
  return { words, isSplit };
}

function commandWords({ commands }: CommandShape): Wanted {
  const words = commands.map(({ name, description }) => ({ text: name, description }));
  return { is: 'words', words, prefix: '' };
}

function optionWords({ flags, description }: OptionShape): readonly Word[] {
  // The long form says what it is.
  const long = flags.filter(flag => flag.startsWith('--'));
  return (long.length > 0 ? long : flags).map(text => ({ text, description }));
}

function valueWanted(
  { name, choices }: ValueShape,
  command: CommandShape,
  taken: readonly string[],
  prefix: string,
): Wanted {
  if (choices.length > 0)
    return { is: 'words', words: choices.map(text => ({ text, description: '' })), prefix };
  if (/^(?:file|filename|dir|path|manifest)s?$/.test(name)) return { is: 'files' };
  if (name === 'source' || name === 'destination') return { is: 'places' };
  if (name === 'field') return { is: 'fields', prefix };
  // What is to be created has no name yet.
  if (name === 'name' && command.name !== 'create') return { is: 'names', except: taken, prefix };
  return NOTHING;
}
