import { readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { execa, type Options, type ResultPromise } from 'execa';

import { eventually } from './eventually.ts';
import type { HostRecord } from './host-record.ts';
import type { Suite } from './suite.ts';
import { endHost } from './supervisor.ts';

export interface ExecOptions {
  /** Given to the command's standard input; without it, the input is empty. */
  readonly input?: string;
  /** The command is killed after this time; 60 s when not given. */
  readonly timeoutMs?: number;
  /** Throw when the exit status is not 0; true when not given. */
  readonly reject?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ExecResult {
  /** Without the final newline. */
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + the signal's number when it was killed by one. */
  readonly exitCode: number;
}

export interface WriteOptions {
  /** Write into the file itself, as a careless editor does, instead of writing aside and renaming. */
  readonly inPlace?: boolean;
  /** For a file written aside: how long before its renaming it seems to have been written; 500 ms when not given. */
  readonly ageMs?: number;
  readonly mode?: number;
}

const manifestsDirectory = '/etc/nspawnd/manifests';

const defaultEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  USER: 'root',
  TERM: process.env.TERM ?? 'dumb',
  LANG: 'C.UTF-8',
  SYSTEMD_PAGER: '',
  SYSTEMD_COLORS: '0',
};

/** A booted test host. Paths are those inside it. */
export class Host {
  readonly name: string;
  readonly suite: Suite;
  readonly #record: HostRecord;

  constructor(record: HostRecord) {
    this.name = record.name;
    this.suite = record.suite;
    this.#record = record;
  }

  /** The host's PID 1 as a process of this machine; another one after each reboot. Throws when the host is down. */
  get leader(): number {
    const leader = findLeader(this.#record);
    if (leader === undefined) throw new Error(`host ${this.name} is not running`);
    return leader;
  }

  /** Runs a command in the host and waits for its end. */
  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const { input = '', timeoutMs = 60_000, reject = true, env = {} } = options;
    const [command, ...args] = this.enter(argv);
    const environment = { ...defaultEnvironment, ...env };
    const result = await execa(command, args, {
      input,
      env: environment,
      extendEnv: false,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      reject: false,
    });
    const said = { stdout: result.stdout, stderr: result.stderr };
    if (result.timedOut)
      throw new HostCommandError(this.name, argv, `did not end within ${timeoutMs} ms`, said);
    if (result.exitCode === undefined)
      throw new HostCommandError(this.name, argv, 'could not be run', said, result.cause);
    if (reject && result.exitCode !== 0)
      throw new HostCommandError(this.name, argv, `ended with ${result.exitCode}`, said);
    return { ...said, exitCode: result.exitCode };
  }

  /** Runs a command in the host for as long as the caller likes: it is killed when this process ends. */
  spawn(argv: readonly string[], options: Options = {}): ResultPromise {
    const [command, ...args] = this.enter(argv);
    const settings = {
      env: defaultEnvironment,
      extendEnv: false,
      killSignal: 'SIGKILL',
      ...options,
    } as Options;
    return execa(command, args, settings);
  }

  /**
   * The argv that runs `argv` in the host. nsenter stays outside and forwards no signal, so the command inside is told
   * to die with it.
   */
  enter(argv: readonly string[]): [string, ...string[]] {
    return ['nsenter', '-t', String(this.leader), '-a', 'setpriv', '--pdeathsig', 'KILL', ...argv];
  }

  /** Where this machine sees a path of the host, /run and /proc included. An absolute link in it leads out of the host. */
  path(inside: string): string {
    return join(`/proc/${this.leader}/root`, inside);
  }

  async readFile(path: string): Promise<string> {
    return readFile(this.path(path), 'utf8');
  }

  /** Makes the directories it needs. Written aside and renamed by default, as a careful person does. */
  async writeFile(path: string, text: string, options: WriteOptions = {}): Promise<void> {
    const { inPlace = false, ageMs = 500, mode = 0o644 } = options;
    const outer = this.path(path);
    await mkdir(dirname(outer), { recursive: true });
    if (inPlace) {
      await writeFile(outer, text, { mode });
      return;
    }
    const aside = join(dirname(outer), `.${basename(outer)}.aside`);
    await writeFile(aside, text, { mode });
    const writtenAt = new Date(Date.now() - ageMs);
    await utimes(aside, writtenAt, writtenAt);
    await rename(aside, outer);
  }

  async writeManifest(fileName: string, text: string, options: WriteOptions = {}): Promise<void> {
    await this.writeFile(join(manifestsDirectory, fileName), text, options);
  }

  async removeManifest(fileName: string): Promise<void> {
    await rm(this.path(join(manifestsDirectory, fileName)));
  }

  async rm(path: string): Promise<void> {
    await rm(this.path(path), { recursive: true, force: true });
  }

  async mv(from: string, to: string): Promise<void> {
    await rename(this.path(from), this.path(to));
  }

  /** A copy with owners, modes and links, made inside the host. */
  async copyTree(from: string, to: string): Promise<void> {
    await this.exec(['cp', '-a', '--', from, to]);
  }

  /** `systemctl reboot`: same disk, fresh /run. Returns when the host is up again. */
  async reboot(): Promise<void> {
    const before = this.leader;
    await this.exec(['systemctl', 'reboot'], { reject: false });
    const isAnother = () => {
      const leader = findLeader(this.#record);
      return leader !== undefined && leader !== before;
    };
    await eventually(isAnother, {
      timeoutMs: 150_000,
      everyMs: 20,
      describe: `host ${this.name} to boot again`,
    });
    await this.untilUp();
  }

  /** Waits until the host's systemd has nothing more to start. Returns the units that failed. */
  async untilUp(): Promise<readonly string[]> {
    const settled = /^(running|degraded|maintenance)$/;
    await eventually(
      async () => {
        const state = await this.exec(['systemctl', 'is-system-running', '--wait'], {
          reject: false,
          timeoutMs: 120_000,
        });
        if (!settled.test(state.stdout)) throw new Error(state.stdout || state.stderr);
        return true;
      },
      { timeoutMs: 120_000, everyMs: 20, describe: `host ${this.name} to be up` },
    );
    const failed = await this.exec(['systemctl', 'list-units', '--failed', '--plain', '--no-legend']);
    return failed.stdout.split('\n').flatMap(line => line.split(' ')[0] || []);
  }

  /** Everything the journal has of this boot, or what it has of one unit. */
  async journal(unit?: string): Promise<string> {
    const ofUnit = unit === undefined ? [] : ['-u', unit];
    const journal = await this.exec(['journalctl', '--no-pager', '-b', '-o', 'short-precise', ...ofUnit]);
    return journal.stdout;
  }

  /** What a person would look at first when something went wrong in here. */
  async diagnose(): Promise<string> {
    const looks = [
      ['nspawnctl', 'get'],
      ['systemctl', 'list-units', '--failed', '--no-legend'],
      ['machinectl', 'list', '--no-legend'],
      ['ip', '-brief', 'address'],
      [
        'journalctl',
        '--no-pager',
        '-b',
        '-o',
        'short-precise',
        '-n',
        '60',
        '-u',
        'nspawnd',
        '-u',
        'container@*',
      ],
    ];
    const seen = looks.map(async argv => {
      const { stdout, stderr } = await this.exec(argv, { reject: false, timeoutMs: 10_000 });
      return `host ${this.name} # ${argv.join(' ')}\n${stdout}${stderr}`;
    });
    return (await Promise.all(seen)).join('\n\n');
  }

  /** Ends the host and removes all of it. Nothing happens when it is already gone. */
  async down(): Promise<void> {
    await endHost(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

/** A command in a host that did not do what it was run for. */
export class HostCommandError extends Error {
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    host: string,
    argv: readonly string[],
    what: string,
    said: { readonly stdout: string; readonly stderr: string },
    cause?: unknown,
  ) {
    const output = [said.stderr, said.stdout].filter(text => text !== '').join('\n');
    super(`on host ${host}: \`${argv.join(' ')}\` ${what}${output === '' ? '' : `\n${output}`}`, { cause });
    this.name = 'HostCommandError';
    this.stdout = said.stdout;
    this.stderr = said.stderr;
  }
}

/** The process that is PID 1 of the host: the first of its init.scope. Undefined while it is not booted. */
export function findLeader(record: HostRecord): number | undefined {
  try {
    const processes = readFileSync(join(record.cgroup, 'payload/init.scope/cgroup.procs'), 'utf8').split(
      '\n',
    );
    return processes.map(Number).find(pid => pid > 0 && isFirstOfItsNamespace(pid));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isFirstOfItsNamespace(pid: number): boolean {
  return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH' || code === 'ENODEV';
}
