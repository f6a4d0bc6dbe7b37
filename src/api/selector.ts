/**
 * Kubernetes' label and field selectors, parsed once and asked often. Grammar: `a=b`, `a==b`, `a!=b`, `a in (b,c)`,
 * `a notin (b,c)`, `a`, `!a`, joined by commas that mean "and". Field selectors know only the first three.
 */
export type Requirement =
  | { readonly key: string; readonly is: 'in' | 'notin'; readonly values: readonly string[] }
  | { readonly key: string; readonly is: 'set' | 'unset' };

export type Selector = readonly Requirement[];

/** Like the tokens of a selector, but also what an accident may leave there: bounded, and told apart by its message. */
const MAX_LENGTH = 4096;

/** A string says what is wrong, with the place (1-based column) where it is. */
export function parseLabelSelector(text: string): Selector | string {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`;
  return new LabelParser(text).parse();
}

/** `fields` are those that may be asked for. */
export function parseFieldSelector(text: string, fields: readonly string[]): Selector | string {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`;
  const requirements: Requirement[] = [];
  for (const term of text.split(',')) {
    if (term.trim() === '') continue;
    const match = /^\s*([A-Za-z0-9_./-]+)\s*(==|=|!=)\s*(.*?)\s*$/s.exec(term);
    const [, key = '', operator, value = ''] = match ?? [];
    if (match === null) return `expected FIELD=VALUE or FIELD!=VALUE, found ${JSON.stringify(term)}`;
    if (!fields.includes(key))
      return `no field ${JSON.stringify(key)} can be selected; there are: ${fields.join(', ')}`;
    requirements.push({ key, is: operator === '!=' ? 'notin' : 'in', values: [value] });
  }
  return requirements;
}

/** Whether all requirements hold for what `read` says of a key; one that is not there is undefined. */
export function isSelected(selector: Selector, read: (key: string) => string | undefined): boolean {
  return selector.every(requirement => holds(requirement, read(requirement.key)));
}

function holds(requirement: Requirement, value: string | undefined): boolean {
  if (!('values' in requirement)) return (value !== undefined) === (requirement.is === 'set');
  const isOneOf = value !== undefined && requirement.values.includes(value);
  return requirement.is === 'in' ? isOneOf : !isOneOf;
}

/** A label by its key; what every object has by birth is none. */
export function labelIn(
  labels: Readonly<Record<string, string>> | undefined,
  key: string,
): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

const KEY = /[A-Za-z0-9_./-]+/y;
/** May be empty: `a=` asks for the empty value. */
const VALUE = /[A-Za-z0-9_.-]*/y;

class LabelParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Selector | string {
    const requirements: Requirement[] = [];
    this.#skipSpace();
    while (this.#at < this.#text.length) {
      const requirement = this.#requirement();
      if (typeof requirement === 'string') return requirement;
      requirements.push(requirement);
      this.#skipSpace();
      if (this.#at === this.#text.length) break;
      if (!this.#take(',')) return this.#expected('","');
      this.#skipSpace();
    }
    return requirements;
  }

  #requirement(): Requirement | string {
    const isUnset = this.#take('!');
    this.#skipSpace();
    const key = this.#match(KEY);
    if (key === '') return this.#expected('a label');
    if (isUnset) return { key, is: 'unset' };
    this.#skipSpace();
    if (this.#take('!=')) return this.#single(key, 'notin');
    if (this.#take('==') || this.#take('=')) return this.#single(key, 'in');
    if (this.#take('notin')) return this.#set(key, 'notin');
    if (this.#take('in')) return this.#set(key, 'in');
    return { key, is: 'set' };
  }

  #single(key: string, is: 'in' | 'notin'): Requirement {
    this.#skipSpace();
    return { key, is, values: [this.#match(VALUE)] };
  }

  #set(key: string, is: 'in' | 'notin'): Requirement | string {
    this.#skipSpace();
    if (!this.#take('(')) return this.#expected('"("');
    const values: string[] = [];
    for (;;) {
      this.#skipSpace();
      values.push(this.#match(VALUE));
      this.#skipSpace();
      if (this.#take(')')) return { key, is, values };
      if (!this.#take(',')) return this.#expected('"," or ")"');
    }
  }

  #expected(what: string): string {
    const rest = this.#text.slice(this.#at, this.#at + 20);
    return `column ${this.#at + 1}: expected ${what}, found ${rest === '' ? 'the end' : JSON.stringify(rest)}`;
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}
