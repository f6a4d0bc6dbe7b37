import { type Paint, paintAnsi, paintPlain } from '../view/paint.ts';
import { EXIT } from './exit-code.ts';

/** Where a command writes; the formatting before it is pure. */
export interface Terminal {
  /** Resolves when the text is on its way, so that a slow reader slows the command instead of filling its memory. */
  out(text: string): Promise<void>;
  err(text: string): Promise<void>;
  /** Whether a person looks at stdout. */
  readonly isInteractive: boolean;
  readonly paint: Paint;
  /** Asks the person at the terminal; null where there is none, or none answers. */
  ask(question: string): Promise<string | null>;
  /** What the clock on the wall says; ages are counted to it. */
  now(): number;
  /** Aborted when nobody reads stdout any more (`nspawnctl get -w | head`). */
  readonly closed: AbortSignal;
}

export function openTerminal(): Terminal {
  const closed = new AbortController();
  process.stdout.on('error', error => {
    // A reader that has seen enough is no error; whatever else the command does, it finishes.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') closed.abort();
    else endUnwritable(error);
  });
  process.stderr.on('error', () => {
    // Nobody listens to complaints, ignoring.
  });
  const isInteractive = process.stdout.isTTY === true;
  return {
    out: text => (closed.signal.aborted ? Promise.resolve() : write(process.stdout, text)),
    err: text => write(process.stderr, text),
    isInteractive,
    paint: isInteractive && !process.env.NO_COLOR && process.env.TERM !== 'dumb' ? paintAnsi : paintPlain,
    ask,
    now: Date.now,
    closed: closed.signal,
  };
}

/** The question goes to stderr: stdout may be a file. */
async function ask(question: string): Promise<string | null> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return null;
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C while asked is Ctrl-C, and the end of input is no answer.
  lines.on('SIGINT', () => {
    lines.close();
    process.kill(process.pid, 'SIGINT');
  });
  const ended = new Promise<null>(resolve => lines.once('close', () => resolve(null)));
  try {
    return await Promise.race([lines.question(question), ended]);
  } finally {
    lines.close();
  }
}

/** The disk is full or the like: an answer that is cut off must not look like a good one. */
function endUnwritable(error: Error): never {
  process.stderr.write(`nspawnctl: cannot write: ${error.message}\n`);
  process.exit(EXIT.bug);
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise(resolve => {
    // Errors come by the 'error' event as well.
    stream.write(text, () => resolve());
  });
}
