import type { Terminal } from '../terminal.ts';
import { type LogSource, logLines } from '../view/log-line.ts';
import type { LogEntry } from './log-history.ts';
import type { Position } from './log-source.ts';

/** Writes what is wanted, and knows how far each journal has been read. */
export class LogPrinter {
  readonly #grep: RegExp | null;
  readonly #look: { readonly hasTimestamps: boolean; readonly isEscaped: boolean };
  readonly #terminal: Terminal;
  readonly #cursors = new Map<LogSource, string>();
  hasPrinted = false;

  constructor(
    { grep, timestamps }: { readonly grep: RegExp | null; readonly timestamps: boolean },
    terminal: Terminal,
  ) {
    this.#grep = grep;
    this.#look = { hasTimestamps: timestamps, isEscaped: terminal.isInteractive };
    this.#terminal = terminal;
  }

  isWanted({ entry }: LogEntry): boolean {
    return this.#grep?.test(entry.message) ?? true;
  }

  async take(told: LogEntry): Promise<void> {
    const { source, entry } = told;
    this.#cursors.set(source, entry.cursor);
    if (!this.isWanted(told)) return;
    this.hasPrinted = true;
    await this.#terminal.out(logLines(source, entry, this.#look));
  }

  position(source: LogSource, otherwiseAt: number): Position {
    return { cursor: this.#cursors.get(source) ?? null, at: otherwiseAt };
  }

  /** It is another journal from now on. */
  forget(source: LogSource): void {
    this.#cursors.delete(source);
  }
}
