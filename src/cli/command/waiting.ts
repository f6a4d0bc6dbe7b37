import { formatDuration, formatSpan } from '../../api/age.ts';
import type { Container } from '../../api/container.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { stateLine, troubleLine } from '../view/state-line.ts';
import { type Awaited, describeAwaited, isMet } from './awaited.ts';
import { FIRST_WORD_MS } from './sightings.ts';

/** The containers that are waited for, and what is said of them meanwhile. */
export class Waiting {
  readonly #awaited: Awaited;
  readonly #timeoutMs: number;
  readonly #terminal: Terminal;
  readonly #startedAt = Date.now();
  /** By name, as last seen; null: there is none. Those that are as asked for are out of it. */
  readonly #open: Map<string, Container | null>;
  /** By name: what was last said. */
  readonly #troubles = new Map<string, string>();
  readonly #words = new Map<string, string>();
  readonly #deleted: string[] = [];

  constructor(names: readonly string[], awaited: Awaited, timeoutMs: number, terminal: Terminal) {
    this.#open = new Map(names.map(name => [name, null]));
    this.#awaited = awaited;
    this.#timeoutMs = timeoutMs;
    this.#terminal = terminal;
  }

  isOver(): boolean {
    return this.#open.size === 0 || this.#deleted.length > 0;
  }

  /** `isAll`: who is not among them does not exist. */
  async see(containers: readonly Container[], isAll: boolean): Promise<void> {
    const seen = new Map(containers.map(container => [container.metadata.name, container]));
    for (const [name, before] of [...this.#open]) {
      const now = seen.get(name);
      if (now !== undefined) await this.#judge(name, now);
      else if (isAll && before === null) await this.#judge(name, null);
      else if (isAll) await this.seeGone(name);
    }
  }

  async seeGone(name: string): Promise<void> {
    if (!this.#open.has(name)) return;
    await this.#judge(name, null);
    // What it was waited for cannot come any more; a new one of that name would be another.
    if (this.#open.has(name) && this.#awaited.is !== 'create') this.#deleted.push(name);
  }

  /** Says what they are doing, when that takes long and somebody looks. */
  async look(): Promise<void> {
    const elapsedMs = Date.now() - this.#startedAt;
    if (elapsedMs < FIRST_WORD_MS || !this.#terminal.isInteractive) return;
    for (const [name, container] of this.#open) {
      const word = container === null ? 'not there yet' : stateLine(container);
      if (this.#words.get(name) === word) continue;
      this.#words.set(name, word);
      await this.#say(name, `${escapeLine(word)} (${formatDuration(elapsedMs)})`);
    }
  }

  /** Says what did not come, and answers with the exit code. */
  async end(): Promise<ExitCode> {
    for (const name of this.#deleted)
      await reportError(
        new CliError(EXIT.noSuchObject, `container ${name} was deleted while it was waited for`),
        this.#terminal,
      );
    if (this.#deleted.length > 0) return EXIT.noSuchObject;
    for (const [name, container] of this.#open)
      await reportError(this.#timedOut(name, container), this.#terminal);
    return this.#open.size > 0 ? EXIT.timedOut : EXIT.done;
  }

  async #judge(name: string, now: Container | null): Promise<void> {
    this.#open.set(name, now);
    if (isMet(this.#awaited, now)) {
      this.#open.delete(name);
      await this.#terminal.out(`container/${escapeLine(name)} ${met(this.#awaited)}\n`);
      return;
    }
    const trouble = now === null || this.#awaited.is === 'delete' ? null : troubleLine(now);
    if (trouble === null || this.#troubles.get(name) === trouble) return;
    this.#troubles.set(name, trouble);
    await this.#say(name, `${escapeLine(trouble)}; still waiting`);
  }

  #say(name: string, words: string): Promise<void> {
    return this.#terminal.err(`container/${escapeLine(name)}: ${words}\n`);
  }

  #timedOut(name: string, container: Container | null): CliError {
    const after = this.#timeoutMs === 0 ? 'it' : `after ${formatSpan(this.#timeoutMs)} it`;
    const state = container === null ? `${after} is not there` : `${after} is ${stateLine(container)}`;
    return new CliError(
      EXIT.timedOut,
      `${name}: waited for ${describeAwaited(this.#awaited)} in vain: ${state}`,
      container === null ? ['see what there is: nspawnctl get'] : [`see why: nspawnctl describe ${name}`],
    );
  }
}

function met({ is }: Awaited): string {
  return is === 'delete' ? 'deleted' : is === 'create' ? 'created' : 'condition met';
}
