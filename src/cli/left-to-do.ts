import { writeSync } from 'node:fs';
import { escapeLines } from '../view/escape.ts';

/** Of work in several steps: what a person who interrupts it has to do for the rest. Said when a signal ends the command. */
export class LeftToDo {
  #state = '';
  #hints: readonly string[] = [];
  readonly #onSignal = (signal: NodeJS.Signals) => {
    if (this.#state !== '') {
      const lines = [`nspawnctl: interrupted: ${this.#state}`, ...this.#hints.map(hint => `  ${hint}`)];
      writeSync(2, `${lines.flatMap(escapeLines).join('\n')}\n`);
    }
    this.end();
    // As it would have ended without us.
    process.kill(process.pid, signal);
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  set(state: string, hints: readonly string[]): void {
    this.#state = state;
    this.#hints = hints;
  }

  hints(): readonly string[] {
    return this.#hints;
  }

  end(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
