import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { NspawndError } from '../errors.ts';
import type { GuestUnit } from './guest-command.ts';
import { GuestWatch } from './guest-watch.ts';

export interface Attached {
  readonly argv: readonly string[];
  /** What of ours it has open besides, from 3 on. */
  readonly descriptors: readonly number[];
  /** It gets the terminal itself, and makes another one for what it runs. */
  readonly isTerminal: boolean;
  /** Without, its input is empty. */
  readonly hasInput: boolean;
  /** Passes a signal on to what it runs; null: the process itself gets it. */
  readonly passOn: ((signal: NodeJS.Signals) => Promise<void>) | null;
  /** What is to end in the guest when this process ends early, however it ends; null: nothing. */
  readonly outlives: GuestUnit | null;
}

/**
 * Runs a command with our own input and output until it ends; its exit status. Signals to us are passed on to it.
 *
 * Architecture invariant: no descriptor of our terminal reaches a guest. Who holds one can type into it (TIOCSTI), and it
 * is root's. Pipes and files are passed on as they are, so that nothing is copied.
 */
export async function runAttached(attached: Attached): Promise<number> {
  const { argv, descriptors, isTerminal, hasInput, passOn, outlives } = attached;
  const [program = '', ...args] = argv;
  const watch = outlives === null ? null : GuestWatch.begin(outlives);
  const first = isTerminal
    ? INHERITED
    : ([hasInput ? passage(0) : 'ignore', passage(1), passage(2)] as const);
  const stdio: StdioOptions = [...first, ...descriptors];
  const child = spawn(program, args, {
    stdio,
    // Ctrl-C reaches it as a signal from us, not also from the terminal.
    detached: !isTerminal,
    // The guest's colours and title are the guest's business; systemd-run(1) since 256.
    env: { ...process.env, SYSTEMD_TINT_BACKGROUND: '0', SYSTEMD_ADJUST_TERMINAL_TITLE: '0' },
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (passOn === null) child.kill(signal);
    // It may not be there yet, or not any more: then the one who waits for it goes.
    else passOn(signal).catch(() => child.kill('SIGTERM'));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  connectTerminal(child);
  watch?.follow(child.pid);
  try {
    const { status, signal } = await end(child, program);
    if (signal === null) watch?.release();
    return status;
  } finally {
    watch?.close();
    for (const signal of SIGNALS) process.off(signal, onSignal);
    // It would keep us waiting for a line that nobody wants any more.
    if (child.stdin !== null) process.stdin.destroy();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

const INHERITED = ['inherit', 'inherit', 'inherit'] as const;

/** Of the three only those that are a terminal of ours go through us. */
function passage(descriptor: number): 'pipe' | 'inherit' {
  return isatty(descriptor) ? 'pipe' : 'inherit';
}

function connectTerminal(child: ChildProcess): void {
  if (child.stdin !== null) {
    // What it does not want to read, it does not read.
    child.stdin.on('error', () => undefined);
    process.stdin.pipe(child.stdin);
  }
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
}

function end(
  child: ChildProcess,
  program: string,
): Promise<{ readonly status: number; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', error => {
      const { code } = error as NodeJS.ErrnoException;
      reject(
        code === 'ENOENT'
          ? new NspawndError('CommandMissing', `${program} is not installed`, { cause: error })
          : new NspawndError('CommandFailed', `${program}: ${error.message}`, { cause: error }),
      );
    });
    child.once('close', (code, signal) =>
      resolve({ status: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), signal }),
    );
  });
}
