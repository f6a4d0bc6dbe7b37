/** A manual page in the making, in the macros of man(7); text is given as it is to be read. */
export class Page {
  readonly #lines: string[] = [];

  constructor(name: string, section: number, version: string, group: string) {
    this.#lines.push(
      '.\\" Made from what the program knows of itself; see deploy/manual.',
      `.TH ${quoted(name)} ${section} "" ${quoted(`nspawnd ${version}`)} ${quoted(group)}`,
      '.nh',
      '.ad l',
    );
  }

  section(title: string): this {
    this.#lines.push(`.SH ${quoted(title)}`);
    return this;
  }

  subsection(title: string): this {
    this.#lines.push(`.SS ${quoted(title)}`);
    return this;
  }

  paragraph(...sentences: readonly string[]): this {
    this.#lines.push('.PP', ...sentences.map(inline));
    return this;
  }

  /** A term with what it means. */
  item(term: string, meaning: string): this {
    this.#lines.push('.TP', `.B ${quoted(term)}`, inline(meaning === '' ? '\u00a0' : meaning));
    return this;
  }

  /** Shown as it is written. */
  example(text: string): this {
    const lines = text.replace(/\n$/, '').split('\n').map(escaped);
    this.#lines.push('.PP', '.RS 4', '.nf', ...lines, '.fi', '.RE');
    return this;
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

/** What is in backquotes is bold. */
function inline(text: string): string {
  const line = text.replace(/\s*\n\s*/g, ' ');
  return line
    .split('`')
    .map((part, index) => (index % 2 === 0 ? escaped(part) : `\\fB${escaped(part).replace(/^\\&/, '')}\\fR`))
    .join('');
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`;
}

/** Nothing in a text may act as a request or an escaped. */
function escaped(text: string): string {
  const plain = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('’', '\\(cq')
    .replaceAll('\u00a0', '\\~');
  return /^[.']/.test(plain) ? `\\&${plain}` : plain;
}
