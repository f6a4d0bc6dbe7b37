import { constants, open as openFile, type Stats } from 'node:fs';
import { rename, utimes } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import type { FifoFacts } from '../planning/observed.ts';
import {
  asideOf,
  listDirectory,
  lstatIfExists,
  makeDirectoryFor,
  readFileIfExists,
  removeFile,
  writeFileAtomically,
} from './files.ts';
import { runShort } from './short-command.ts';

const open = promisify(openFile);

/**
 * The origin's start-up FIFO: the guest writes a line to /var/lib/startup-done when it has booted. It lives outside the
 * guest and is bound in. It is made with the time 0: the kernel itself notes there that somebody wrote, before anybody can
 * have read it. Which run that was is kept on disk as well, so that a restarted nspawnd knows it.
 */
export class StartFifos {
  readonly #directory: string;
  readonly #invocationOf: (name: string) => Promise<string>;
  readonly #onStarted: (name: string) => void;
  readonly #listening = new Map<string, Socket>();
  /** Who is still to be put on disk, because that was full or the bus away. */
  readonly #retries = new Map<string, NodeJS.Timeout>();

  constructor(
    runtimeDirectory: string,
    invocationOf: (name: string) => Promise<string>,
    onStarted: (name: string) => void,
  ) {
    this.#directory = `${runtimeDirectory}/startup`;
    this.#invocationOf = invocationOf;
    this.#onStarted = onStarted;
  }

  path(name: string): string {
    return `${this.#directory}/${name}`;
  }

  async observe(name: string): Promise<FifoFacts> {
    const [stat, started] = await Promise.all([
      lstatIfExists(this.path(name)),
      readFileIfExists(this.#startedPath(name), 256),
    ]);
    return {
      exists: stat?.isFIFO() ?? false,
      isListening: this.#listening.has(name),
      startedInvocationId:
        started === null && wasWrittenTo(stat) ? await this.#identifyRun(name) : (started ?? ''),
    };
  }

  /** A new, empty FIFO, mode 0600, that we listen to. */
  async create(name: string): Promise<void> {
    await this.remove(name);
    await makeDirectoryFor(this.path(name), 0o700);
    const aside = asideOf(this.path(name));
    await runShort('mkfifo', ['-m', '0600', '--', aside]);
    await utimes(aside, 0, 0);
    await rename(aside, this.path(name));
    await this.listen(name);
  }

  /** Opened for reading and writing and not blocking: waiting for a writer would hold one of libuv's four threads. */
  async listen(name: string): Promise<void> {
    if (this.#listening.has(name)) return;
    const fd = await open(this.path(name), constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const socket = new Socket({ fd, readable: true, writable: false });
    this.#listening.set(name, socket);
    socket.on('error', () => this.#close(name));
    socket.on('close', () => this.#listening.delete(name));
    socket.once('data', () => {
      this.#close(name);
      void this.#recordStart(name).finally(() => this.#onStarted(name));
    });
    socket.unref();
  }

  async remove(name: string): Promise<void> {
    this.#close(name);
    await Promise.all([removeFile(this.path(name)), removeFile(this.#startedPath(name))]);
  }

  async names(): Promise<readonly string[]> {
    return (await listDirectory(this.#directory)).map(entry => entry.replace(/\.started$/, ''));
  }

  stop(): void {
    for (const name of [...this.#listening.keys()]) this.#close(name);
    for (const timer of this.#retries.values()) clearTimeout(timer);
  }

  async #recordStart(name: string): Promise<void> {
    this.#retries.delete(name);
    try {
      // It may have been removed meanwhile, or made anew for another run.
      if (!wasWrittenTo(await lstatIfExists(this.path(name)))) return;
      await writeFileAtomically(this.#startedPath(name), await this.#identifyRun(name), 0o600);
    } catch {
      this.#retries.set(name, setTimeout(() => void this.#recordStart(name), RETRY_MS).unref());
    }
  }

  /** Each launch gets a new FIFO, so it is the run of now that wrote; one that is over has no id, but has written. */
  async #identifyRun(name: string): Promise<string> {
    return (await this.#invocationOf(name)) || 'over';
  }

  #close(name: string): void {
    this.#listening.get(name)?.destroy();
    this.#listening.delete(name);
  }

  #startedPath(name: string): string {
    return `${this.path(name)}.started`;
  }
}

function wasWrittenTo(fifo: Stats | null): boolean {
  return fifo?.isFIFO() === true && fifo.mtimeMs !== 0;
}

const RETRY_MS = 2000;
