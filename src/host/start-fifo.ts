import { constants, open as openFile, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import type { FifoFacts } from '../planning/observed.ts';
import { listDirectory, lstatIfExists, makeDirectoryFor, readFileIfExists, removeFile } from './files.ts';
import { runShort } from './short-command.ts';

const open = promisify(openFile);

/**
 * The origin's start-up FIFO: the guest writes a line to /var/lib/startup-done when it has booted. It lives outside the
 * guest and is bound in. That it was written to is kept on disk, with the run that wrote, so that a restarted nspawnd
 * knows it.
 */
export class StartFifos {
  readonly #directory: string;
  readonly #invocationOf: (name: string) => Promise<string>;
  readonly #onStarted: (name: string) => void;
  readonly #listening = new Map<string, Socket>();
  /** Who has written while the disk was full or the bus away: known only here until that is over. */
  readonly #unrecorded = new Set<string>();
  readonly #retries = new Set<NodeJS.Timeout>();

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
    const isHeard = started === '' || (started === null && this.#unrecorded.has(name));
    return {
      exists: stat?.isFIFO() ?? false,
      isListening: this.#listening.has(name),
      startedInvocationId: isHeard ? await this.#identifyRun(name) : (started ?? ''),
    };
  }

  /** A new, empty FIFO, mode 0600, that we listen to. */
  async create(name: string): Promise<void> {
    await this.remove(name);
    await makeDirectoryFor(this.path(name), 0o700);
    await runShort('mkfifo', ['-m', '0600', '--', this.path(name)]);
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
      this.#unrecorded.add(name);
      // Before anything else can happen: what has been read is nowhere else any more, not even for the next nspawnd.
      this.#noteStart(name);
      this.#close(name);
      void this.#recordStart(name).finally(() => this.#onStarted(name));
    });
    socket.unref();
  }

  async remove(name: string): Promise<void> {
    this.#close(name);
    this.#unrecorded.delete(name);
    await Promise.all([removeFile(this.path(name)), removeFile(this.#startedPath(name))]);
  }

  async names(): Promise<readonly string[]> {
    return (await listDirectory(this.#directory)).map(entry => entry.replace(/\.started$/, ''));
  }

  stop(): void {
    for (const name of [...this.#listening.keys()]) this.#close(name);
    for (const timer of this.#retries) clearTimeout(timer);
  }

  #noteStart(name: string): void {
    try {
      writeFileSync(this.#startedPath(name), '', { mode: 0o600 });
    } catch {
      // The disk is full: written by the next try that finds room, ignoring.
    }
  }

  async #recordStart(name: string): Promise<void> {
    try {
      await writeFile(this.#startedPath(name), await this.#identifyRun(name), { mode: 0o600 });
      this.#unrecorded.delete(name);
    } catch {
      const timer = setTimeout(() => {
        this.#retries.delete(timer);
        if (this.#unrecorded.has(name)) void this.#recordStart(name);
      }, RETRY_MS).unref();
      this.#retries.add(timer);
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

const RETRY_MS = 2000;
