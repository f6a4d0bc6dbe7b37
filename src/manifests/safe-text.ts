/**
 * Makes text of unknown origin safe for terminals and logs: what would move the cursor, hide or turn text around is
 * escaped, and the length is bounded. File names and manifest values are such text.
 */
export function safeText(text: string, maxLength = MAX_MESSAGE_LENGTH): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(UNSAFE, character => {
    const code = character.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  });
}

export const MAX_MESSAGE_LENGTH = 1_000;

/** C0, DEL, C1, line and paragraph separators, the marks that turn the writing direction, and halves of pairs. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
