import type { ServerResponse } from 'node:http';
import { cutUnlessTaken } from './cut-unless-taken.ts';

/**
 * One open watch: writes lines as fast as the reader takes them and not faster. What it may leave unread is bounded:
 * beyond that it is cut off, and continues from its resourceVersion when it comes back.
 */
export class WatchStream {
  readonly #response: ServerResponse;
  readonly #limits: { readonly unreadBytes: number; readonly stallMs: number };
  /** What is, told first; made line by line so that a thousand containers are never all in the buffer. */
  readonly #initial: Iterator<string>;
  #unread: string[] = [];
  #unreadBytes = 0;
  #stall: NodeJS.Timeout | null = null;
  #isOver = false;

  constructor(
    response: ServerResponse,
    initial: Iterator<string>,
    limits: { readonly unreadBytes: number; readonly stallMs: number },
  ) {
    this.#response = response;
    this.#initial = initial;
    this.#limits = limits;
    response.on('drain', () => this.#pump());
    // The reader went away; 'close' follows and says so to everybody who listens.
    response.on('error', () => this.cut());
    response.on('close', () => this.#stop());
  }

  start(): void {
    this.#response.writeHead(200, { 'content-type': 'application/json' });
    this.#response.flushHeaders();
    this.#pump();
  }

  /** Called twice with the same line it tells it twice. After the end it does nothing. */
  send(line: string): void {
    if (this.#isOver) return;
    this.#unread.push(line);
    this.#unreadBytes += Buffer.byteLength(line);
    this.#pump();
    if (this.#unreadBytes > this.#limits.unreadBytes) this.cut();
  }

  /** Whether the reader has taken all there was. */
  isIdle(): boolean {
    return this.#unread.length === 0 && !this.#response.writableNeedDrain;
  }

  /** Ends it in good order: the client sees a complete answer. */
  end(): void {
    if (this.#isOver) return;
    this.#stop();
    this.#response.end();
    // The end waits behind what is unread, and must not do so forever.
    cutUnlessTaken(this.#response, this.#limits.stallMs);
  }

  cut(): void {
    this.#stop();
    this.#response.destroy();
  }

  #pump(): void {
    if (this.#isOver) return;
    this.#clearStall();
    while (!this.#response.writableNeedDrain) {
      const line = this.#next();
      if (line === undefined) return;
      this.#response.write(line);
    }
    this.#stall = setTimeout(() => this.cut(), this.#limits.stallMs);
    this.#stall.unref();
  }

  #next(): string | undefined {
    const told = this.#initial.next();
    if (told.done !== true) return told.value;
    const line = this.#unread.shift();
    if (line !== undefined) this.#unreadBytes -= Buffer.byteLength(line);
    return line;
  }

  #stop(): void {
    this.#isOver = true;
    this.#clearStall();
    this.#unread = [];
    this.#unreadBytes = 0;
  }

  #clearStall(): void {
    if (this.#stall !== null) clearTimeout(this.#stall);
    this.#stall = null;
  }
}
