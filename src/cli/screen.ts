/**
 * A terminal as a whole screen that is drawn again and again. What was on it before comes back in the end, whatever the end
 * is, but for a SIGKILL.
 */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Replaces what is on it; more lines than it has are left out. Lines must fit, and hold nothing to obey but colours. */
  draw(lines: readonly string[]): void;
  /** Resolves when a key is pressed, with it, or the window changes (`resize`), or the signal aborts (`ended`). */
  next(signal: AbortSignal): Promise<string>;
  close(): void;
}

/** Null where there is no terminal to draw on. */
export function openScreen(): Screen | null {
  const { stdin, stdout } = process;
  if (stdout.isTTY !== true) return null;
  const hasKeys = stdin.isTTY === true;
  const restore = () => stdout.write(LEAVE);
  const endBySignal = (signal: NodeJS.Signals) => {
    close();
    process.kill(process.pid, signal);
  };
  /** What happened while nobody waited for it. */
  const pending: string[] = [];
  let settle: ((what: string) => void) | null = null;
  const happen = (what: string) => {
    if (settle === null) pending.push(what);
    else settle(what);
  };
  const onData = (text: string) => {
    // Keys that are a sequence, such as arrows, are one; letters may come together.
    for (const key of text.startsWith('\u001b') ? [text] : text) happen(key);
  };
  const onResize = () => happen('resize');
  const close = () => {
    stdin.off('data', onData);
    stdout.off('resize', onResize);
    process.off('exit', restore);
    for (const signal of SIGNALS) process.off(signal, endBySignal);
    if (hasKeys) {
      stdin.setRawMode(false);
      stdin.pause();
    }
    restore();
  };
  process.on('exit', restore);
  for (const signal of SIGNALS) process.on(signal, endBySignal);
  if (hasKeys) {
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.on('data', onData);
  }
  stdout.on('resize', onResize);
  stdout.write(ENTER);
  return {
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    draw: lines => {
      const shown = lines.slice(0, stdout.rows).map(line => `${line}${CLEAR_REST_OF_LINE}`);
      stdout.write(`${HOME}${shown.join('\r\n')}${CLEAR_BELOW}`);
    },
    next: signal =>
      new Promise(resolve => {
        const first = pending.shift();
        if (first !== undefined || signal.aborted) return resolve(first ?? 'ended');
        const end = (what: string) => {
          settle = null;
          signal.removeEventListener('abort', onAbort);
          resolve(what);
        };
        const onAbort = () => end('ended');
        settle = end;
        signal.addEventListener('abort', onAbort);
      }),
    close,
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** xterm's control sequences, which every terminal of today knows: the other screen without a cursor, and back. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_REST_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
