import { escapeLine, escapeLines } from '../../view/escape.ts';
import type { Paint, Style } from '../../view/paint.ts';
import type { Chain, Link, LinkState } from './chain.ts';

const MARK: Readonly<Record<LinkState, readonly [mark: string, style: Style]>> = {
  holds: ['✓', 'good'],
  flawed: ['!', 'warning'],
  broken: ['✗', 'bad'],
  underway: ['…', 'warning'],
  unreached: ['·', 'dim'],
};
const NAME_WIDTH = 8;
const INDENT = ' '.repeat(2 + 2 + NAME_WIDTH + 1);

/** The chain as lines, each link with its mark; below the one that does not hold, what to do about it. */
export function chainText(chain: Chain, nextTry: string | null, paint: Paint): string {
  const lines = chain.links.flatMap(link => {
    const told = linkLines(link, paint);
    if (link.state !== 'broken' && link.state !== 'underway') return told;
    return [
      ...told,
      ...(chain.loop === null
        ? []
        : escapeLines(`it keeps failing: ${chain.loop}`).map(line => INDENT + line)),
      ...(nextTry === null ? [] : [`${INDENT}next try: ${nextTry}`]),
      ...(chain.fix === null ? [] : [`${INDENT}${paint('bold', 'what to do:')} ${escapeLine(chain.fix)}`]),
    ];
  });
  return lines.map(line => `${line.trimEnd()}\n`).join('');
}

function linkLines({ name, state, reason, message }: Link, paint: Paint): readonly string[] {
  const [mark, style] = MARK[state];
  const [first = '', ...more] = escapeLines(message);
  const why = reason === '' ? '' : `${paint(style, escapeLine(reason))}${first === '' ? '' : ': '}`;
  return [
    `  ${paint(style, mark)} ${name.padEnd(NAME_WIDTH)} ${why}${first}`,
    ...more.map(line => `${INDENT}${line}`),
  ];
}
