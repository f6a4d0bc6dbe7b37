/** How many columns of a terminal a text takes that has nothing in it to obey (see `escape.ts`). */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += WIDTHLESS.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}

/** Nearly everything: Latin without combining marks. */
const PLAIN = /^[\u0020-\u02ff]*$/;

/** Marks that stand on the letter before, and what joins emoji. */
const WIDTHLESS = /^(?:\p{Mn}|\p{Me}|\u200c|\u200d)$/u;

/** Of two columns: East Asian scripts and their punctuation, full-width forms, and pictures. Unicode TR 11. */
const WIDE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u;
