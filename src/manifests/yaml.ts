import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
} from 'yaml';
import type { Position } from './document.ts';

/** A YAML document as a plain value, with everything wrong in its writing and the way back to the source. */
export interface YamlDocument {
  readonly line: number;
  /** Nothing but comments. */
  readonly isEmpty: boolean;
  /** Undefined where none can be made. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  /** Where a path stands in the source: at its value, at its key, or, where it is missing, at its nearest parent. */
  readonly locate: (path: readonly PropertyKey[], about: 'value' | 'key' | 'missing') => Position;
}

export interface YamlFault {
  readonly position: Position;
  readonly message: string;
}

/** How many aliases a document may hold, and how often they may multiply what they name. */
const MAX_ALIASES = 100;
/** How deep a document may nest. The composer is recursive, and V8 aborts where a regular expression meets a full stack. */
const MAX_DEPTH = 100;

/** Where looking for more faults of one document ends; people are shown fewer. */
const MAX_FAULTS = 1_000;

/**
 * Reads YAML 1.2 (core schema) and so also JSON. No custom tags, no YAML 1.1, no merge keys, keys are text and unique.
 * Throws a RangeError where the text nests too deeply.
 */
export function readYaml(text: string): readonly YamlDocument[] {
  const lines = new LineCounter();
  const composer = new Composer({
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
    logLevel: 'silent',
    // Checked below: the library compares every key with every other.
    uniqueKeys: false,
  });
  return [...composer.compose(readTokens(text, lines))].map(document =>
    toYamlDocument(document as Document, lines),
  );
}

/** What `Parser.parse` does, with an eye on the depth. */
function* readTokens(text: string, lines: LineCounter) {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > MAX_DEPTH) throw new RangeError(`nested more than ${MAX_DEPTH} levels deep`);
  }
  yield* parser.end();
}

function toYamlDocument(document: Document, lines: LineCounter): YamlDocument {
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const start = startOf(document.contents) ?? document.range?.[0] ?? 0;
  const faults: YamlFault[] = [...document.errors, ...document.warnings].slice(0, MAX_FAULTS).map(error => ({
    position: positionAt(error.pos[0]),
    message: error.message,
  }));
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    faults.push({ position: positionAt(start), message: 'only YAML 1.2 is read: remove the %YAML line' });
  }
  const aliases = { count: 0 };
  faults.push(...findBadKeys(document, positionAt, aliases));

  let value: unknown;
  if (aliases.count > MAX_ALIASES) {
    faults.push({ position: positionAt(start), message: `more than ${MAX_ALIASES} aliases` });
  } else {
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      const isExpansion = error instanceof ReferenceError && /alias count/i.test(error.message);
      const message = isExpansion ? 'aliases multiply too often' : `cannot be read: ${String(error)}`;
      faults.push({ position: positionAt(start), message });
    }
  }
  return {
    line: positionAt(start).line,
    isEmpty: document.contents === null || (isScalar(document.contents) && document.contents.value === null),
    value,
    faults,
    locate: (path, about) => positionAt(offsetOf(document, path, about) ?? start),
  };
}

/** Duplicate keys, and the one key that means something else to the language. Counts the aliases it meets. */
function findBadKeys(
  document: Document,
  positionAt: (offset: number) => Position,
  aliases: { count: number },
): YamlFault[] {
  const faults: YamlFault[] = [];
  const open: unknown[] = [document.contents];
  while (open.length > 0 && faults.length < MAX_FAULTS) {
    const node = open.pop();
    if (isAlias(node)) aliases.count++;
    if (isSeq(node)) open.push(...node.items.slice().reverse());
    if (!isMap(node)) continue;
    const seen = new Map<string, number>();
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : null;
      const offset = startOf(pair.key) ?? startOf(node) ?? 0;
      if (key !== null && faults.length < MAX_FAULTS) {
        const first = seen.get(key);
        if (first === undefined) seen.set(key, offset);
        else {
          const message = `"${key}" is already set in line ${positionAt(first).line}`;
          faults.push({ position: positionAt(offset), message });
        }
        if (key === '__proto__')
          faults.push({ position: positionAt(offset), message: '"__proto__" cannot be a key' });
      }
    }
    for (let index = node.items.length - 1; index >= 0; index--) open.push(node.items[index]?.value);
  }
  return faults;
}

function offsetOf(
  document: Document,
  path: readonly PropertyKey[],
  about: 'value' | 'key' | 'missing',
): number | null {
  let node: unknown = document.contents;
  let keyOffset: number | null = startOf(node);
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(item => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return keyOffset;
      keyOffset = startOf(pair.key) ?? keyOffset;
      node = pair.value;
      if (depth === path.length - 1 && about === 'key') return keyOffset;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(step)];
      if (item === undefined) return keyOffset;
      keyOffset = startOf(item) ?? keyOffset;
      node = item;
    } else {
      return keyOffset;
    }
  }
  return about === 'value' ? (startOf(node) ?? keyOffset) : keyOffset;
}

function startOf(node: unknown): number | null {
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}
