import { parseField, parsePath } from './parse-path.ts';
import { parseQuoted } from './parse-quoted.ts';
import { Scanner } from './scanner.ts';
import type { Path, Template, TemplateNode } from './template.ts';

const MAX_LENGTH = 65_536;
/** Ranges in ranges. */
const MAX_DEPTH = 64;

/**
 * A template as kubectl has it: `{range .items[*]}{.metadata.name}{"\n"}{end}`. Where nothing is in braces and it looks
 * like a path, it is one. A mistake is thrown, with its place.
 */
export function parseTemplate(text: string, what: string): Template {
  const scanner = new Scanner(text, what);
  if (text.length > MAX_LENGTH) scanner.fail(`longer than ${MAX_LENGTH} characters`, 0);
  if (/^\s*[.$@[]/.test(text) && !text.includes('{'))
    return [{ is: 'values', path: parsePathOnly(text, what) }];
  return parseNodes(scanner, null, 0);
}

/** One path, with or without braces and leading dot: `metadata.name`, `.metadata.name`, `{.metadata.name}`. */
export function parsePathOnly(text: string, what: string): Path {
  const scanner = new Scanner(text, what);
  if (text.length > MAX_LENGTH) scanner.fail(`longer than ${MAX_LENGTH} characters`, 0);
  scanner.skipSpace();
  const isBraced = scanner.takes('{');
  scanner.skipSpace();
  if (scanner.isAtEnd()) scanner.fail('a path such as .metadata.name is missing');
  const first = /[.$@[]/.test(scanner.peek()) ? [] : [parseField(scanner)];
  const path = [...first, ...parsePath(scanner)];
  scanner.skipSpace();
  if (isBraced && !scanner.takes('}')) scanner.fail('expected } or a path that goes on');
  scanner.skipSpace();
  if (!scanner.isAtEnd()) scanner.fail('expected one path, and nothing after it');
  return path;
}

/** Until the end, or the `{end}` of the range that began at `opened`. */
function parseNodes(scanner: Scanner, opened: number | null, depth: number): Template {
  const nodes: TemplateNode[] = [];
  while (!scanner.isAtEnd()) {
    const text = scanner.match(/[^{]+/y);
    if (text !== null) nodes.push({ is: 'text', text });
    if (scanner.isAtEnd()) break;
    const action = parseAction(scanner, opened, depth);
    if (action === 'end') return nodes;
    nodes.push(action);
  }
  if (opened !== null) scanner.fail('the range that begins here has no {end}', opened);
  return nodes;
}

function parseAction(scanner: Scanner, range: number | null, depth: number): TemplateNode | 'end' {
  const opened = scanner.position;
  scanner.position += 1;
  scanner.skipSpace();
  const word = scanner.match(/[\p{L}_][\p{L}\p{N}_-]*/uy);
  if (word === 'range') return parseRange(scanner, opened, depth);
  if (word === 'end') {
    if (range === null) scanner.fail('there is no range to end', opened);
    close(scanner, opened);
    return 'end';
  }
  const node = word === null ? parseValue(scanner, opened) : literal(word, scanner);
  close(scanner, opened);
  return node;
}

function parseRange(scanner: Scanner, opened: number, depth: number): TemplateNode {
  if (depth >= MAX_DEPTH) scanner.fail(`more than ${MAX_DEPTH} ranges in each other`, opened);
  scanner.skipSpace();
  if (!/[.$@[]/.test(scanner.peek())) scanner.fail('range wants a path such as .items[*]');
  const path = parsePath(scanner);
  close(scanner, opened);
  return { is: 'range', path, body: parseNodes(scanner, opened, depth + 1) };
}

function parseValue(scanner: Scanner, opened: number): TemplateNode {
  if (scanner.isAtEnd()) scanner.fail('the { that is here has no }', opened);
  if (scanner.peek() === '"' || scanner.peek() === "'") return { is: 'text', text: parseQuoted(scanner) };
  const number = scanner.match(/[-+]?\d+(?:\.\d+)?/y);
  if (number !== null) return { is: 'text', text: String(Number(number)) };
  if (!/[.$@[]/.test(scanner.peek())) scanner.fail('expected a path such as .metadata.name');
  return { is: 'values', path: parsePath(scanner) };
}

function literal(word: string, scanner: Scanner): TemplateNode {
  if (word === 'true' || word === 'false') return { is: 'text', text: word };
  return scanner.fail(
    `"${word}" is neither range nor end; a field is written .${word}, a text "${word}"`,
    scanner.position - word.length,
  );
}

function close(scanner: Scanner, opened: number): void {
  scanner.skipSpace();
  if (scanner.isAtEnd()) scanner.fail('the { that is here has no }', opened);
  if (!scanner.takes('}')) scanner.fail(`expected } instead of "${scanner.peek()}"`);
}
