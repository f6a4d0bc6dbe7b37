import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';

/** How much of a long line is shown on each side of the mistake. */
const SHOWN = 40;

/** Goes over a text that a person typed; what is wrong with it is told with its place. */
export class Scanner {
  readonly text: string;
  position = 0;
  /** What the text is, for the message: `-o jsonpath`. */
  readonly #what: string;

  constructor(text: string, what: string) {
    this.text = text;
    this.#what = what;
  }

  isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** Empty at the end. */
  peek(): string {
    return this.text.charAt(this.position);
  }

  sees(word: string): boolean {
    return this.text.startsWith(word, this.position);
  }

  takes(word: string): boolean {
    if (!this.sees(word)) return false;
    this.position += word.length;
    return true;
  }

  /** What matches here; the pattern has to be sticky. Null: nothing does. */
  match(pattern: RegExp): string | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0] ?? null;
    if (found !== null) this.position += found.length;
    return found;
  }

  skipSpace(): void {
    this.match(/\s*/y);
  }

  /** Says what is wrong here, or at a place before, as a mistake in what was typed. */
  fail(message: string, at = this.position): never {
    const column = [...this.text.slice(0, at)].length + 1;
    throw new CliError(EXIT.usage, `${this.#what}, character ${column}: ${message}`, this.#caret(at));
  }

  #caret(at: number): readonly string[] {
    const start = Math.max(this.text.lastIndexOf('\n', at - 1) + 1, at - SHOWN);
    const newline = this.text.indexOf('\n', at);
    const end = Math.min(newline === -1 ? this.text.length : newline, at + SHOWN);
    const before = escapeLine(this.text.slice(start, at));
    return [`${before}${escapeLine(this.text.slice(at, end))}`, `${' '.repeat([...before].length)}^`];
  }
}
