/**
 * Text from outside (names, messages, labels, the guest's last words) in a form that cannot move the cursor, colour,
 * retitle or reorder a terminal: C0, DEL, C1 (a terminal may take U+009B for ESC [), line separators and the marks that
 * change the direction of text.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** For one line: newlines are escaped, too. */
export function escapeLine(text: string): string {
  return text.replaceAll(UNSAFE, escapeOne);
}

/** For text whose lines are shown as lines: split first, then each is safe. */
export function escapeLines(text: string): string[] {
  return withoutTrailing(text, '\n').split(/\r?\n/).map(escapeLine);
}

/** Without the characters of this kind at its end; by hand, since /x+$/ takes a hostile text's length squared. */
export function withoutTrailing(text: string, character: string): string {
  let length = text.length;
  while (length > 0 && text[length - 1] === character) length--;
  return text.slice(0, length);
}

/** For text that goes on, as a file does: its lines and tabs stay. */
export function escapeText(text: string): string {
  return text.replaceAll(UNSAFE, character => (/[\n\t]/.test(character) ? character : escapeOne(character)));
}

/** For JSON and for YAML in double quotes, whose meaning it keeps. Newlines between the tokens stay. */
export function escapeQuoted(text: string): string {
  return text.replaceAll(UNSAFE, character => (character === '\n' ? character : unicodeEscape(character)));
}

export function hasUnsafe(text: string): boolean {
  return text.search(UNSAFE) !== -1;
}

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeOne(character: string): string {
  const short = SHORT[character];
  if (short !== undefined) return short;
  const code = character.charCodeAt(0);
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
