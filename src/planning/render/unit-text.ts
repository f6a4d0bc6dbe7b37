/** How words are written into unit files, and the section that says whose file it is. */

/** systemd ignores sections that begin with X-; systemd.unit(5). */
export const OWNER_SECTION = '[X-Nspawnd]';

export function environmentLine(name: string, value: string): string {
  return `Environment=${quoteValue(`${name}=${value}`)}`;
}

/** One word of a command line: as a value, and `$` (variables) doubled too; systemd.service(5), "COMMAND LINES". */
export function quoteArgument(word: string): string {
  return quoteValue(word.includes('$') ? word.replaceAll('$', '$$$$') : word);
}

/** One word of a unit file: systemd.syntax(7) quoting, with `%` (specifiers) doubled so that it means itself. */
export function quoteValue(word: string): string {
  // Most words are.
  if (PLAIN.test(word)) return word;
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('%', '%%')
    .replace(CONTROL_CHARACTERS, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return /^[-A-Za-z0-9_@+=:,./%$]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** What means itself, and needs no quotes. */
const PLAIN = /^[-A-Za-z0-9_@+=:,./$]+$/;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
const CONTROL_CHARACTERS = /[\u0001-\u001f\u007f]/g;
