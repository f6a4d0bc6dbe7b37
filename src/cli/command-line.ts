import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationSec } from '../api/duration.ts';
import type { Selectors } from './client/client.ts';
import type { Context } from './context.ts';
import { nameOf } from './resource-words.ts';
import { OUTPUT_FORMS, type OutputForm, parseOutputForm } from './view/output-form.ts';

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * How a command says what can be typed: a file of `registration/` for each, listed in `commands.ts`. What it then does is
 * in `command/` and loaded only when it is the one, so that none pays for the others.
 */
export type Register = (program: Command, act: Act) => void;

/** Turns what a command does into what commander calls: with the context first, and its exit code kept. */
export type Act = <T extends unknown[]>(
  /** Answers with an exit code: ours, or that of the command it ran. */
  action: (context: Context, ...args: T) => Promise<number>,
) => (...args: [...T, unknown, Command]) => Promise<void>;

/** An option with a span such as `10s`; its value is in milliseconds. */
export function spanOption(flags: string, description: string, defaultMs: number, shown: string): Option {
  return new Option(flags, description).argParser(parseSpanMs).default(defaultMs, shown);
}

/** A span that may be left out: then it is undefined. */
export function optionalSpanOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(parseSpanMs);
}

/** The same with 0 for "not at all" and, as with kubectl, anything negative for a week. */
export function patienceOption(flags: string, description: string, defaultMs: number, shown: string): Option {
  const parse = (text: string) => {
    if (/^0(?:ms|s|m|min|h)?$/.test(text)) return 0;
    return text.startsWith('-') ? WEEK_MS : parseSpanMs(text);
  };
  return new Option(flags, description).argParser(parse).default(defaultMs, shown);
}

export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}

/** Names of containers; `container/web`, which `-o name` prints, is web. */
export function nameArgument(flags: '<name>' | '<name...>', description: string): Argument {
  const argument = new Argument(flags, description);
  return argument.variadic
    ? argument.argParser((word: string, before: readonly string[] | undefined) => [
        ...(before ?? []),
        nameOf(word),
      ])
    : argument.argParser(nameOf);
}

/** `-o` with all forms that kubectl has for it. */
export function outputOption(): Option {
  return new Option('-o, --output <form>', `form of the answer: ${OUTPUT_FORMS.join(', ')}`).argParser(
    (text): OutputForm => {
      const form = parseOutputForm(text);
      if (typeof form === 'string') throw new InvalidArgumentError(form);
      return form;
    },
  );
}

/** Which containers, by what they are called and how they are; together only those for which both hold. */
export const LABEL_SELECTOR = '-l, --selector <labels>';
export const FIELD_SELECTOR = '--field-selector <fields>';

export interface SelectorOptions {
  readonly selector?: string;
  readonly fieldSelector?: string;
}

export function selectorsOf({ selector, fieldSelector }: SelectorOptions): Selectors {
  return {
    ...(selector === undefined ? {} : { labelSelector: selector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

/** Understood, and not shown: another program's name for something, or what is refused with a reason. */
export function hiddenOption(flags: string): Option {
  return new Option(flags).hideHelp();
}

export function parseNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('Not a number such as 3.');
  return Number(text);
}

/** A number that may be none; -1 is all there are, as in kubectl. */
export function parseCount(text: string): number | undefined {
  if (text === '-1') return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Not a number such as 20.');
  return Number(text);
}

export function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function parseSpanMs(text: string): number {
  const seconds = parseDurationSec(text);
  if (seconds === null || seconds <= 0 || seconds > 2_000_000)
    throw new InvalidArgumentError('Not a time span such as 500ms, 10s or 2min.');
  return Math.ceil(seconds * 1000);
}
