import type { Register } from '../command-line.ts';

/** A command line's grammar as data: what can be completed is read off it. */
export interface CommandShape {
  readonly name: string;
  readonly description: string;
  readonly commands: readonly CommandShape[];
  readonly options: readonly OptionShape[];
  readonly arguments: readonly ValueShape[];
}

/** What stands for a value: its name (`file` of `<file...>`) and the words that may stand there, where they are few. */
export interface ValueShape {
  readonly name: string;
  readonly isVariadic: boolean;
  readonly choices: readonly string[];
}

export interface OptionShape {
  /** `-o` and `--output`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Null for a switch. */
  readonly value: ValueShape | null;
}

type Program = Parameters<Register>[0];

/** What people are not shown is not completed either. */
export function shapeOf(program: Program): CommandShape {
  const help = program.createHelp();
  return {
    name: program.name(),
    description: program.description(),
    commands: help.visibleCommands(program).map(shapeOf),
    options: help.visibleOptions(program).map(optionShape),
    arguments: program.registeredArguments.map(argument => ({
      name: argument.name(),
      isVariadic: argument.variadic,
      choices: argument.argChoices ?? [],
    })),
  };
}

function optionShape(option: Program['options'][number]): OptionShape {
  const [, name = ''] = /[<[]([^>\].]+)/.exec(option.flags) ?? [];
  const takesValue = option.required || option.optional;
  return {
    flags: [option.short, option.long].filter(flag => flag !== undefined && flag !== null),
    description: option.description,
    value: takesValue ? { name, isVariadic: option.variadic, choices: choicesOf(option, name) } : null,
  };
}

/** Forms of an answer that take something themselves (`jsonpath=`) are no plain choices; their description lists them. */
function choicesOf({ argChoices, description }: Program['options'][number], name: string): readonly string[] {
  if (argChoices !== undefined || !/^form(?:at)?$/.test(name)) return argChoices ?? [];
  const listed = description.split(': ')[1] ?? '';
  return listed.split(', ').flatMap(form => /^[a-z-]+=?/.exec(form)?.[0] ?? []);
}
