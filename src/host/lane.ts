import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { ENVIRONMENT, MAX_OUTPUT_BYTES } from './command.ts';

export interface LaneRequest {
  readonly argv: readonly string[];
  /** What it reads; a newline is put at the end. Empty: /dev/null. */
  readonly input: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What was said, also where that is not all. */
export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  /** Undefined: the lane has ended before the program has, or there was none, and what has become of it is not known. */
  readonly exitCode: number | undefined;
  readonly timedOut: boolean;
}

const NEVER_BEGUN: Answer = { stdout: '', stderr: '', exitCode: undefined, timedOut: false };

/**
 * A bash that runs one program after the other for us. A process is copied to start another one, and ours is big: it stands
 * still for five to ten milliseconds each time, a bash for less than one.
 *
 * A request is words that end with NUL: a token, the input, how many arguments, the arguments. They stay words: none is read
 * as shell. What the program says goes straight to our pipes, and a token that nobody can guess tells where it ends.
 */
const PROGRAM = `
while IFS= read -rd '' token && IFS= read -rd '' input && IFS= read -rd '' count && mapfile -d '' -tn "$count" argv; do
  if [[ -n $input ]]; then (exec -- "\${argv[@]}" <<<"$input"); else (exec -- "\${argv[@]}" </dev/null); fi
  printf '\\0%s %d\\0' "$token" "$?"
  printf '\\0%s 0\\0' "$token" >&2
done`;

export class Lane {
  readonly #bash: ChildProcess;
  /** Of the child: what it is asked, and its two outputs. */
  readonly #requests: Socket;
  readonly #outputs: readonly [Socket, Socket];
  #isOpen = true;

  constructor() {
    // -p: nothing of the environment is read as shell. A group of its own can be ended together with what it runs.
    this.#bash = spawn('bash', ['--noprofile', '--norc', '-p', '-c', PROGRAM], {
      stdio: 'pipe',
      env: { ...process.env, ...ENVIRONMENT },
      detached: true,
    });
    // Pipes of a child are sockets; node:child_process.
    this.#requests = this.#bash.stdin as Socket;
    this.#outputs = [this.#bash.stdout as Socket, this.#bash.stderr as Socket];
    for (const output of this.#outputs) output.setEncoding('utf8');
    for (const thing of [this.#bash, this.#requests, ...this.#outputs]) thing.on('error', () => this.close());
    this.#bash.on('exit', () => this.close());
    this.#keepAlive(false);
  }

  isOpen(): boolean {
    return this.#isOpen;
  }

  /** After a deadline or an abort the lane is closed. One at a time. */
  async run({ argv, input, timeoutMs, signal }: LaneRequest): Promise<Answer> {
    if (!this.#isOpen || signal?.aborted === true) return NEVER_BEGUN;
    const token = randomBytes(12).toString('hex');
    const close = () => this.close();
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      close();
    }, timeoutMs);
    signal?.addEventListener('abort', close, { once: true });
    this.#keepAlive(true);
    try {
      const [out, err] = this.#outputs;
      const answers = Promise.all([untilToken(out, token, close), untilToken(err, token, close)]);
      this.#requests.write(`${[token, input, argv.length, ...argv].join('\0')}\0`);
      const [stdout, stderr] = await answers;
      const exitCode = stderr.number === undefined ? undefined : stdout.number;
      return {
        stdout: stdout.text,
        stderr: stderr.text,
        exitCode,
        timedOut: timedOut && exitCode === undefined,
      };
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', close);
      if (this.#isOpen) this.#keepAlive(false);
    }
  }

  /** Ends what it runs, too. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { pid } = this.#bash;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    for (const output of this.#outputs) output.destroy();
  }

  /** A lane that waits for work is no reason for the process to go on. */
  #keepAlive(isBusy: boolean): void {
    for (const thing of [this.#bash, this.#requests, ...this.#outputs]) {
      if (isBusy) thing.ref();
      else thing.unref();
    }
  }
}

interface Said {
  readonly text: string;
  /** Undefined: it ended before the token came. */
  readonly number: number | undefined;
}

function untilToken(output: Socket, token: string, onTooMuch: () => void): Promise<Said> {
  const closing = new RegExp(`\0${token} (\\d+)\0$`);
  return new Promise(resolve => {
    let text = '';
    const end = (said: Said) => {
      output.off('data', onData);
      output.off('close', onClose);
      resolve(said);
    };
    const onClose = () => end({ text, number: undefined });
    const onData = (more: string) => {
      text += more;
      if (text.length > MAX_OUTPUT_BYTES) onTooMuch();
      const found = more.endsWith('\0') ? closing.exec(text.slice(-MAX_CLOSING)) : null;
      if (found !== null) end({ text: text.slice(0, -found[0].length), number: Number(found[1]) });
    };
    output.on('data', onData);
    output.on('close', onClose);
  });
}

/** Two NULs, a token, a space and an exit status. */
const MAX_CLOSING = 40;
