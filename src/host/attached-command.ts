import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { NspawndError } from '../errors.ts';

export interface Attached {
  readonly argv: readonly string[];
  /** It gets the terminal itself, and makes another one for what it runs. */
  readonly isTerminal: boolean;
  /** Passes a signal on to what it runs; null: the process itself gets it. */
  readonly passOn: ((signal: NodeJS.Signals) => Promise<void>) | null;
}

/**
 * Runs a command with our own input and output until it ends; its exit status. Signals to us are passed on to it.
 *
 * Architecture invariant: no descriptor of our terminal reaches a guest. Who holds one can type into it (TIOCSTI), and it
 * is root's. Pipes and files are passed on as they are, so that nothing is copied.
 */
export async function runAttached({ argv, isTerminal, passOn }: Attached): Promise<number> {
  const [program = '', ...args] = argv;
  const stdio: StdioOptions = isTerminal
    ? 'inherit'
    : [0, 1, 2].map(descriptor => (isatty(descriptor) ? 'pipe' : 'inherit'));
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
  try {
    return await exitStatus(child, program);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    // It would keep us waiting for a line that nobody wants any more.
    if (child.stdin !== null) process.stdin.destroy();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** Of the three only those that are a terminal of ours go through us. */
function connectTerminal(child: ChildProcess): void {
  if (child.stdin !== null) {
    // What it does not want to read, it does not read.
    child.stdin.on('error', () => undefined);
    process.stdin.pipe(child.stdin);
  }
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
}

function exitStatus(child: ChildProcess, program: string): Promise<number> {
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
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
    );
  });
}
