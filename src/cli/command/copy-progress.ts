import { escapeLine } from '../../view/escape.ts';
import type { Terminal } from '../terminal.ts';
import { formatBytes } from '../view/bytes.ts';

/** Quick things are not worth a word. */
const FIRST_WORD_MS = 2_000;
const EVERY_MS = 200;
/** Of what was left out: enough to see what it is. */
const MAX_SKIPS = 20;
const CLEAR_LINE = '\r\u001b[K';

/** What a copy tells while it goes on: one line that is written over, where a person looks; and what it leaves out. */
export class CopyProgress {
  readonly #terminal: Pick<Terminal, 'err'>;
  readonly #isLive: boolean;
  readonly #startedAt = Date.now();
  #lastAt = 0;
  #bytes = 0;
  #files = 0;
  #skips = 0;

  constructor(terminal: Pick<Terminal, 'err'>, isLive: boolean) {
    this.#terminal = terminal;
    this.#isLive = isLive;
  }

  get hasSkipped(): boolean {
    return this.#skips > 0;
  }

  add(bytes: number, files: number): void {
    this.#bytes += bytes;
    this.#files += files;
    const now = Date.now();
    if (!this.#isLive || now - this.#startedAt < FIRST_WORD_MS || now - this.#lastAt < EVERY_MS) return;
    this.#lastAt = now;
    void this.#terminal.err(`${CLEAR_LINE}copied ${formatBytes(this.#bytes)}, ${this.#files} files`);
  }

  skip(path: string, why: string): void {
    this.#skips += 1;
    if (this.#skips > MAX_SKIPS) return;
    this.#clear();
    void this.#terminal.err(`nspawnctl: not copied: ${escapeLine(path)}: ${escapeLine(why)}\n`);
  }

  async end(): Promise<void> {
    this.#clear();
    const more = this.#skips - MAX_SKIPS;
    if (more > 0) await this.#terminal.err(`nspawnctl: and ${more} more not copied\n`);
  }

  #clear(): void {
    if (this.#lastAt === 0) return;
    this.#lastAt = 0;
    void this.#terminal.err(CLEAR_LINE);
  }
}
