import type { JournalEntry } from '../../host/journal-reader.ts';
import { escapeLine, escapeText, withoutTrailing } from '../../view/escape.ts';

/** Where a line comes from, which decides how much of it is told. */
export type LogSource = 'console' | 'guest' | 'controller';

export interface LogLook {
  readonly hasTimestamps: boolean;
  /** A terminal is not to obey what a guest wrote; a pipe gets it as it is. */
  readonly isEscaped: boolean;
}

/** One entry as lines. */
export function logLines(
  source: LogSource,
  entry: JournalEntry,
  { hasTimestamps, isEscaped }: LogLook,
): string {
  const text = source === 'controller' ? controllerText(entry.message) : entry.message;
  const [first = '', ...more] = withoutTrailing(text, '\n')
    .split('\n')
    .map(line => withoutTrailing(line, '\r'));
  const who = speaker(source, entry);
  const time = hasTimestamps ? `${timestamp(entry.at)} ` : '';
  return [`${time}${who}${first}`, ...more.map(line => `${time}  ${line}`)]
    .map(line => (isEscaped ? escapeText(withoutColours(line)) : line))
    .map(line => `${line}\n`)
    .join('');
}

/** What a console prints is said by nobody in particular; everything else names who says it, in one line whatever it is. */
function speaker(source: LogSource, { identifier, pid }: JournalEntry): string {
  if (source === 'controller' || identifier === '') return '';
  if (source === 'console' && identifier !== 'systemd') return '';
  return `${escapeLine(identifier)}${pid === '' ? '' : `[${escapeLine(pid)}]`}: `;
}

/** nspawnd's own line, from pino's JSON: the sentence, then its facts. */
export function controllerText(message: string): string {
  const fields = parseObject(message);
  if (fields === null) return message;
  const { level, msg, key: _key, reconcileId: _id, ...facts } = fields;
  const told = Object.entries(facts).map(([name, value]) => `${name}=${factText(value)}`);
  return [String(level ?? 'info').padEnd(5), String(msg ?? ''), ...told].join(' ').trimEnd();
}

/** Which container a line of nspawnd's is about; null: none. */
export function controllerKey(message: string): string | null {
  const key = parseObject(message)?.key;
  return typeof key === 'string' ? key : null;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
}

function factText(value: unknown): string {
  const isError = typeof value === 'object' && value !== null && 'message' in value;
  const shown = isError ? (value as { message: unknown }).message : value;
  if (typeof shown === 'string' && /^[\w@%+=:,./-]+$/.test(shown)) return shown;
  return JSON.stringify(shown);
}

/** RFC 3339 with microseconds, in UTC. */
export function timestamp(at: number): string {
  const micro = String(Math.floor(at) % 1000).padStart(3, '0');
  return new Date(Math.floor(at / 1000)).toISOString().replace('Z', `${micro}Z`);
}

/** Consoles are full of them; what else a terminal would obey is shown. ECMA-48. */
function withoutColours(line: string): string {
  return line.replace(COLOURS, '');
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
const COLOURS = /\u001b\[[0-9;:]*[mK]/g;
