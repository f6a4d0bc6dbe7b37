/**
 * Reads a unit file as systemd does, far enough to see that what was written comes out again: sections, one setting per
 * line, no continuations. Source: systemd.syntax(7), and systemd.service(5) for command lines.
 */
export function readUnit(text: string): {
  all(section: string, key: string): readonly string[];
  only(section: string, key: string): string;
} {
  const settings: { section: string; key: string; value: string }[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    if (line.endsWith('\\')) throw new Error(`a continuation: ${line}`);
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) section = header[1] ?? '';
    else {
      const at = line.indexOf('=');
      if (at < 0) throw new Error(`neither a section nor a setting: ${line}`);
      settings.push({ section, key: line.slice(0, at), value: line.slice(at + 1) });
    }
  }
  const all = (inSection: string, key: string) =>
    settings.filter(found => found.section === inSection && found.key === key).map(({ value }) => value);
  return {
    all,
    only(inSection, key) {
      const [value, ...more] = all(inSection, key);
      if (value === undefined || more.length > 0) throw new Error(`not exactly one ${key}=`);
      return value;
    },
  };
}

/** Unquotes; then specifiers (`%%`), and in a command line variables (`$$`), which must all be escaped ones. */
export function splitWords(line: string, kind: 'command' | 'value'): readonly string[] {
  return unquote(line).map(word => {
    const withoutSpecifiers = collapse(word, '%');
    return kind === 'command' ? collapse(withoutSpecifiers, '$') : withoutSpecifiers;
  });
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  s: ' ',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

function unquote(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === '\\') {
      const next = line.charAt(++at);
      if (next === 'x') {
        word = (word ?? '') + String.fromCharCode(Number.parseInt(line.slice(at + 1, at + 3), 16));
        at += 2;
      } else {
        const meant = ESCAPES[next];
        if (meant === undefined) throw new Error(`no such escape: \\${next}`);
        word = (word ?? '') + meant;
      }
    } else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if ((character === '"' || character === "'") && word === null) {
      quote = character;
      word = '';
    } else if (/[ \t\n\r]/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + character;
    }
  }
  if (quote !== '') throw new Error(`an open quote: ${line}`);
  return word === null ? words : [...words, word];
}

function collapse(word: string, sign: string): string {
  const pairs = word.split(sign + sign);
  if (pairs.some(part => part.includes(sign)))
    throw new Error(`a single ${sign} means something else: ${word}`);
  return pairs.join(sign);
}
