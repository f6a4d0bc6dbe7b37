import { type ChildProcessByStdio, type StdioOptions, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { NspawndError } from '../errors.ts';
import type { GuestUnit } from './guest-command.ts';
import { GuestWatch } from './guest-watch.ts';

/** One entry of a journal, the host's or a guest's; what a guest wrote is as hostile as the guest. */
export interface JournalEntry {
  readonly cursor: string;
  /** Microseconds since 1970. */
  readonly at: number;
  readonly message: string;
  /** Who says it; empty when not known. */
  readonly identifier: string;
  readonly pid: string;
  /** Which run of its unit said it, or which run of a unit it is about; empty for none. */
  readonly invocation: string;
  /** Whom a line of systemd's own is about. */
  readonly unit: string;
}

export interface JournalQuery {
  /** Terms of journalctl(1): all entries that match. */
  readonly matches: readonly string[];
  /** In journalctl's words; null: from the first. */
  readonly since: string | null;
  readonly until?: string;
  readonly afterCursor: string | null;
  readonly isReverse: boolean;
  /** Goes on with what comes. */
  readonly isFollowing: boolean;
  /** Only of this boot of the system. */
  readonly isThisBoot: boolean;
}

export const WHOLE: JournalQuery = {
  matches: [],
  since: null,
  afterCursor: null,
  isReverse: false,
  isFollowing: false,
  isThisBoot: false,
};

const FIELDS = 'MESSAGE,SYSLOG_IDENTIFIER,_PID,_SYSTEMD_INVOCATION_ID,INVOCATION_ID,UNIT';

export function journalctl(query: JournalQuery): readonly string[] {
  const { matches, since, until, afterCursor, isReverse, isFollowing, isThisBoot } = query;
  return [
    'journalctl',
    '--no-pager',
    // Long ones too, and such that are not text.
    '--all',
    '--output=json',
    `--output-fields=${FIELDS}`,
    ...(since === null ? [] : [`--since=${since}`]),
    ...(until === undefined ? [] : [`--until=${until}`]),
    ...(afterCursor === null ? [] : [`--after-cursor=${afterCursor}`]),
    ...(isReverse ? ['--reverse'] : []),
    ...(isFollowing ? ['--follow', '--no-tail'] : []),
    ...(isThisBoot ? ['--boot'] : []),
    ...matches,
  ];
}

/** What one run of a unit said, and what systemd said of it. Only PID 1 may say whom its lines are about. */
export function matchesOfRun(invocation: string): readonly string[] {
  return [`_SYSTEMD_INVOCATION_ID=${invocation}`, '+', '_PID=1', `INVOCATION_ID=${invocation}`];
}

export function matchesOfUnit(unit: string): readonly string[] {
  return [`_SYSTEMD_UNIT=${unit}`, '+', '_PID=1', `UNIT=${unit}`];
}

const MAX_LINE_LENGTH = 1024 * 1024;
const MAX_COMPLAINT_LENGTH = 2_000;

/**
 * The entries that a journalctl prints, as they come; a slow reader slows it. What is longer than a megabyte is left out.
 * `outlives`: the unit that it runs in, where that is a guest's. Throws what it complained of when it fails.
 */
export async function* readJournal(
  [program = '', ...args]: readonly string[],
  signal: AbortSignal,
  outlives: GuestUnit | null = null,
): AsyncGenerator<JournalEntry> {
  const watch = outlives === null ? null : GuestWatch.begin(outlives);
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...(outlives?.bus?.descriptors ?? [])];
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const child = spawn(program, args, { stdio, env }) as ChildProcessByStdio<null, Readable, Readable>;
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, MAX_COMPLAINT_LENGTH);
  });
  const ended = new Promise<{ code: number | null; error: Error | null }>(resolve => {
    child.once('error', error => resolve({ code: null, error }));
    child.once('close', code => resolve({ code, error: null }));
  });
  watch?.follow(child.pid);
  let isWhole = false;
  try {
    for await (const line of lines(child.stdout)) {
      const entry = parseEntry(line);
      if (entry !== null) yield entry;
    }
    isWhole = true;
  } finally {
    signal.removeEventListener('abort', stop);
    if (!isWhole) {
      child.stdout.destroy();
      stop();
    } else if (!signal.aborted) watch?.release();
    watch?.close();
  }
  const { code, error } = await ended;
  if (signal.aborted) return;
  if (error !== null)
    throw new NspawndError('CommandMissing', `${program} is not installed`, { cause: error });
  if (code !== 0 || SEES_ONLY_ITS_OWN.test(complaint)) {
    const said = complaint.trim() || `it ended with ${code}`;
    throw new NspawndError('CommandFailed', `journalctl: ${said}`);
  }
}

/** journalctl's words for one who may not read what others wrote. */
export const SEES_ONLY_ITS_OWN = /not seeing messages from other users|insufficient permissions/;

async function* lines(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  stream.setEncoding('utf8');
  let rest = '';
  let isTooLong = false;
  for await (const chunk of stream as AsyncIterable<string>) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (!isTooLong) yield part;
      isTooLong = false;
    }
    if (rest.length > MAX_LINE_LENGTH) {
      rest = '';
      isTooLong = true;
    }
  }
}

/** Of a Date, in microseconds: what a guest says may be any number. */
const LAST_MOMENT = 8.64e18;

/** Null for what is no entry: journalctl also says that there are none. */
export function parseEntry(line: string): JournalEntry | null {
  if (!line.startsWith('{')) return null;
  try {
    const fields = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const text = (name: string) => textOf(fields[name]);
    const at = Number(fields.__REALTIME_TIMESTAMP);
    return {
      cursor: text('__CURSOR'),
      at: at >= 0 && at <= LAST_MOMENT ? at : 0,
      message: text('MESSAGE'),
      identifier: text('SYSLOG_IDENTIFIER'),
      pid: text('_PID'),
      invocation: text('_SYSTEMD_INVOCATION_ID') || text('INVOCATION_ID'),
      unit: text('UNIT'),
    };
  } catch {
    return null;
  }
}

/** Text, or its bytes where it is not printable; a field that is there twice is a list of these. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return '';
  if (value.every(byte => typeof byte === 'number')) return Buffer.from(value as number[]).toString('utf8');
  return textOf(value[0]);
}
