import { parseQuoted } from './parse-quoted.ts';
import { Scanner } from './scanner.ts';
import type { Operand, Operator, Path, Selector, Step, Test } from './template.ts';

/** Filters in filters; far more than anybody needs, far less than what a stack bears. */
const MAX_DEPTH = 16;
/** What ends a name, unless a backslash is before it; in a filter also what compares. */
const NAME = /(?:\\[\s\S]|[^\s.,[\]$@{}\\])+/y;
const NAME_IN_FILTER = /(?:\\[\s\S]|[^\s.,[\]$@{}\\=!<>~)&|])+/y;
const OPERATORS: readonly Operator[] = ['==', '!=', '<=', '>=', '<', '>'];

/** `$.a.b`, `@[0]`, `..name`, from where the scanner is to where no further step is. */
export function parsePath(scanner: Scanner, depth = 0): Path {
  const steps: Step[] = [];
  // Both are the value that the path is applied to.
  if (!scanner.takes('$')) scanner.takes('@');
  for (;;) {
    const before = scanner.position;
    scanner.skipSpace();
    if (scanner.peek() === '.') steps.push(...parseDots(scanner, depth));
    else if (scanner.peek() === '[') steps.push({ is: 'select', selectors: parseBrackets(scanner, depth) });
    else {
      scanner.position = before;
      return steps;
    }
  }
}

/** A field's name, with or without something before it. */
export function parseField(scanner: Scanner, depth = 0): Step {
  const name = scanner.match(depth === 0 ? NAME : NAME_IN_FILTER) ?? scanner.fail('a field wants its name');
  return { is: 'select', selectors: [{ is: 'key', name: withoutBackslashes(name), path: null }] };
}

function parseDots(scanner: Scanner, depth: number): readonly Step[] {
  const at = scanner.position;
  if (scanner.sees('....')) scanner.fail('more dots than mean something', at);
  const isDescent = scanner.takes('..');
  scanner.takes('.');
  const steps: Step[] = isDescent ? [{ is: 'descend' }] : [];
  if (scanner.takes('*')) return [...steps, { is: 'select', selectors: [{ is: 'every' }] }];
  // `..[0]`, and `.[0]`, which some write.
  if (scanner.peek() === '[') return steps;
  // `{.}` is everything, and so is `{..}` with all that is below it.
  if (/[\s})]/.test(scanner.peek())) return steps;
  return [...steps, parseField(scanner, depth)];
}

function parseBrackets(scanner: Scanner, depth: number): readonly Selector[] {
  const opened = scanner.position;
  scanner.position += 1;
  const selectors: Selector[] = [];
  do {
    scanner.skipSpace();
    selectors.push(parseSelector(scanner, opened, depth));
    scanner.skipSpace();
  } while (scanner.takes(','));
  if (scanner.isAtEnd()) scanner.fail('the [ that is here has no ]', opened);
  if (!scanner.takes(']')) scanner.fail(`expected ] or , instead of ${shown(scanner)}`);
  return selectors;
}

function parseSelector(scanner: Scanner, opened: number, depth: number): Selector {
  if (scanner.isAtEnd()) scanner.fail('the [ that is here has no ]', opened);
  if (scanner.takes('*')) return { is: 'every' };
  if (scanner.sees('?')) return parseFilter(scanner, depth + 1);
  if (scanner.peek() === "'" || scanner.peek() === '"') return parseKey(scanner);
  const numbers = scanner.match(/-?\d*(?::-?\d*){0,2}/y);
  if (numbers === null || numbers === '')
    scanner.fail(`expected a number, *, a 'key' or ?(...) instead of ${shown(scanner)}`);
  return toSlice(numbers, () =>
    scanner.fail('numbers are such as 0, -1, 1:3 or ::2', scanner.position - numbers.length),
  );
}

function toSlice(text: string, fail: () => never): Selector {
  const [from, to, step] = text.split(':').map(part => toNumber(part, fail));
  if (to === undefined) return { is: 'index', at: from ?? fail() };
  if (step !== undefined && step !== null && step <= 0) fail();
  return { is: 'slice', from: from ?? null, to, step: step ?? 1 };
}

function toNumber(text: string, fail: () => never): number | null {
  if (text === '') return null;
  return /^-?\d{1,9}$/.test(text) ? Number(text) : fail();
}

/** What is in the quotes is taken as it is, but for backslashes before what a path would end at. */
function parseKey(scanner: Scanner): Selector {
  const opened = scanner.position;
  const quote = scanner.peek();
  const end = scanner.text.indexOf(quote, opened + 1);
  if (end === -1) scanner.fail(`the key that begins here has no closing ${quote}`, opened);
  const text = scanner.text.slice(opened + 1, end);
  scanner.position = end + 1;
  return { is: 'key', name: withoutBackslashes(text), path: /[^\\]\./.test(text) ? toPath(text) : null };
}

/** Null: it is none. */
function toPath(text: string): Path | null {
  if (!/^(?:(?:\\[\s\S]|[^\s.,[\]$@{}\\])+(?:\.|$))+$/.test(text) || text.endsWith('.')) return null;
  return parsePath(new Scanner(`.${text}`, ''));
}

function parseFilter(scanner: Scanner, depth: number): Selector {
  const opened = scanner.position;
  scanner.position += 1;
  if (depth > MAX_DEPTH) scanner.fail(`more than ${MAX_DEPTH} filters in each other`, opened);
  if (!scanner.takes('(')) scanner.fail('a filter is written ?(...)');
  const left = parseOperand(scanner, opened, depth);
  const test = parseTest(scanner, opened, depth);
  scanner.skipSpace();
  if (scanner.isAtEnd()) scanner.fail('the filter that begins here has no )', opened);
  if (scanner.sees('&&') || scanner.sees('||'))
    scanner.fail('a filter is one comparison; write a filter after a filter for "and"');
  if (!scanner.takes(')')) scanner.fail(`expected a comparison or ) instead of ${shown(scanner)}`);
  return { is: 'filter', left, test };
}

function parseTest(scanner: Scanner, opened: number, depth: number): Test | null {
  scanner.skipSpace();
  if (scanner.sees('=~')) scanner.fail('regular expressions are not supported');
  const word = scanner.match(/[=!<>~]+/y);
  if (word === null) return null;
  const operator =
    OPERATORS.find(known => known === word) ??
    scanner.fail('comparisons are == != < <= > and >=', scanner.position - word.length);
  return { operator, right: parseOperand(scanner, opened, depth) };
}

function parseOperand(scanner: Scanner, opened: number, depth: number): Operand {
  scanner.skipSpace();
  if (scanner.isAtEnd()) scanner.fail('the filter that begins here has no )', opened);
  if (scanner.peek() === "'" || scanner.peek() === '"') return { is: 'literal', value: parseQuoted(scanner) };
  if (/[@$.[]/.test(scanner.peek())) return { is: 'path', path: parsePath(scanner, depth) };
  const word = scanner.match(/[^\s()[\]{}=!<>~&|'"]+/y) ?? '';
  if (word === 'true' || word === 'false') return { is: 'literal', value: word === 'true' };
  if (/^[-+]?\d+(?:\.\d+)?$/.test(word)) return { is: 'literal', value: Number(word) };
  return scanner.fail(
    word === ''
      ? `expected @.field, a number or a "text" instead of ${shown(scanner)}`
      : `fields are written @.${word}, texts "${word}"`,
    scanner.position - word.length,
  );
}

function withoutBackslashes(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, '$1');
}

function shown(scanner: Scanner): string {
  return scanner.isAtEnd() ? 'the end' : `"${scanner.peek()}"`;
}
