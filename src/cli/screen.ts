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
  const close = () => {
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
    stdin.resume();
  }
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
        const settle = (what: string) => {
          stdin.off('data', settle);
          stdout.off('resize', onResize);
          signal.removeEventListener('abort', onAbort);
          resolve(what);
        };
        const onResize = () => settle('resize');
        const onAbort = () => settle('ended');
        if (signal.aborted) return settle('ended');
        stdin.on('data', settle);
        stdout.on('resize', onResize);
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
