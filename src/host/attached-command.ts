import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { NspawndError } from '../errors.ts';
import { run } from './command.ts';

export interface Attached {
  readonly argv: readonly string[];
  /** It gets the terminal itself, and makes another one for what it runs. */
  readonly isTerminal: boolean;
  /** Command line that passes a signal on; null: it is passed to the process. */
  readonly signalArgv: readonly string[] | null;
}

/**
 * Runs a command with our own input and output until it ends; its exit status. Signals to us are passed on to it.
 *
 * Architecture invariant: no descriptor of our terminal reaches a guest. Who holds one can type into it (TIOCSTI), and it
 * is root's. Pipes and files are passed on as they are, so that nothing is copied.
 */
export async function runAttached({ argv, isTerminal, signalArgv }: Attached): Promise<number> {
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
  const passOn = (signal: NodeJS.Signals) => {
    if (signalArgv === null) child.kill(signal);
    else void signalUnit(signalArgv, signal, child);
  };
  for (const signal of SIGNALS) process.on(signal, passOn);
  connectTerminal(child);
  try {
    return await exitStatus(child, program);
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn);
    // It would keep us waiting for a line that nobody wants any more.
    if (child.stdin !== null) process.stdin.destroy();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

async function signalUnit(
  signalArgv: readonly string[],
  signal: NodeJS.Signals,
  child: ChildProcess,
): Promise<void> {
  const [program = '', ...args] = signalArgv;
  // It may not be there yet, or not any more: then the one who waits for it goes.
  await run(program, [...args, signal.slice('SIG'.length)]).catch(() => child.kill('SIGTERM'));
}

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
