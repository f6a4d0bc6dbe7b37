const MAX_LINE_LENGTH = 300;

/** A line of what a guest or a builder printed, without what would disturb a terminal, and bounded. */
export function cleanLine(line: string): string {
  return line
    .replace(ESCAPE_SEQUENCES, '')
    .replace(CONTROL_CHARACTERS, '')
    .trimEnd()
    .slice(0, MAX_LINE_LENGTH);
}

/** The last lines of a text, cleaned, oldest first. */
export function lastCleanLines(text: string, count: number): readonly string[] {
  return text
    .split(/\r?\n|\r/)
    .map(cleanLine)
    .filter(line => line !== '')
    .slice(-count);
}

/** ECMA-48 control sequences, which a guest's console is full of. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const ESCAPE_SEQUENCES = /\u001b(\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g;
