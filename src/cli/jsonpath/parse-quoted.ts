import type { Scanner } from './scanner.ts';

/** A text in single or double quotes, with the escapes of Go and C; the scanner is at the opening one. */
export function parseQuoted(scanner: Scanner): string {
  const opened = scanner.position;
  const quote = scanner.peek();
  scanner.position += 1;
  let text = '';
  for (;;) {
    if (scanner.isAtEnd()) scanner.fail(`the text that begins here has no closing ${quote}`, opened);
    if (scanner.takes(quote)) return text;
    text += scanner.takes('\\') ? parseEscape(scanner) : takeOne(scanner);
  }
}

const PLAIN: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

function parseEscape(scanner: Scanner): string {
  const code = scanner.match(/x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}/y);
  if (code !== null) {
    const isOctal = /^[0-7]/.test(code);
    const point = Number.parseInt(isOctal ? code : code.slice(1), isOctal ? 8 : 16);
    if (point > 0x10ffff) scanner.fail('there is no such character', scanner.position - code.length - 1);
    return String.fromCodePoint(point);
  }
  const plain = PLAIN[scanner.peek()];
  if (plain === undefined) scanner.fail('no such escape; there are \\n \\t \\" \\\\ and the like');
  scanner.position += 1;
  return plain;
}

function takeOne(scanner: Scanner): string {
  scanner.position += 1;
  return scanner.text.charAt(scanner.position - 1);
}
