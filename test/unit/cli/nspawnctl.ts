import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { run } from '../../../src/cli/run.ts';
import { type Paint, paintPlain } from '../../../src/view/paint.ts';
import { PROGRAM } from '../../program.ts';

/** Whenever the tests run, it is then in a command line in this process. */
export const NOW = Date.parse('2026-06-01T12:00:00Z');

/**
 * A command line in this very process, for the many cases that differ only in what is said: a process of its own costs a
 * tenth of a second.
 */
export async function nspawnctl(
  args: readonly string[],
  person?: { readonly paint?: Paint; readonly answer?: string },
  /** Hears what goes to stderr, when it does. */
  onErr: (text: string) => void = () => {},
): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await run(args, {
    out: async text => {
      out += text;
    },
    err: async text => {
      err += text;
      onErr(text);
    },
    isInteractive: person !== undefined,
    paint: person?.paint ?? paintPlain,
    ask: async question => {
      err += question;
      return person?.answer ?? null;
    },
    now: () => NOW,
    closed: new AbortController().signal,
  });
  return { code, signal: null, out, err };
}

/** The command as it is shipped: bundled, run as a process of its own. */
export interface Command {
  readonly file: string;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  start(args: readonly string[], options?: RunOptions): Running;
  remove(): Promise<void>;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Ran {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  readonly ended: Promise<Ran>;
}

/** No command of a test may hang longer. */
export const HANG_MS = 60_000;

/** Of a process there is one: what is bundled does not change while its tests run. */
let bundled: Promise<string> | null = null;

export async function bundle(): Promise<Command> {
  bundled ??= makeBundle();
  const file = await bundled;
  const children = new Set<ChildProcess>();
  const start = (args: readonly string[], options: RunOptions = {}) => {
    const running = startCommand(file, args, options);
    children.add(running.child);
    return running;
  };
  return {
    file,
    start,
    run: (args, options) => start(args, options).ended,
    remove: async () => {
      // Those that a failed test left behind.
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

async function makeBundle(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'nspawnctl-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  // Tests also run it as another user.
  await chmod(directory, 0o755);
  await build({
    entryPoints: [join(import.meta.dirname, '../../../src/cli/main.ts')],
    ...PROGRAM,
    splitting: true,
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    define: { NSPAWND_VERSION: '"9.9.9"' },
    logLevel: 'error',
  });
  return join(directory, 'main.mjs');
}

function startCommand(file: string, args: readonly string[], options: RunOptions): Running {
  const { stdin = '', env = {}, ...how } = options;
  const { NO_COLOR: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [file, ...args], { ...how, env: { ...inherited, ...env } });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', chunk => {
    out += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', chunk => {
    err += chunk;
  });
  // A command that does not read its input has closed it, ignoring.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const hang = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
  const ended = new Promise<Ran>(resolve => {
    child.on('close', (code, signal) => {
      clearTimeout(hang);
      resolve({ code, signal, out, err });
    });
  });
  return { child, out: () => out, err: () => err, ended };
}
