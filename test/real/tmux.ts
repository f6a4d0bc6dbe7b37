import { eventually } from '../testbed/eventually.ts';
import type { World } from './world.ts';

/** A real terminal on the host, as a person has it: keys go in, and what is on the screen can be read. */
export class Tmux {
  readonly #world: World;
  readonly #server: string;

  private constructor(world: World, server: string) {
    this.#world = world;
    this.#server = server;
  }

  /** With a shell whose prompt is `HOST>`, in a window of 100 by 30. */
  static async open(world: World, server: string): Promise<Tmux> {
    const terminal = new Tmux(world, server);
    const window = ['new-session', '-d', '-s', 'main', '-x', '100', '-y', '30'];
    await terminal.#tmux('-f', '/dev/null', ...window, "env PS1='HOST> ' TERM=xterm bash --norc --noprofile");
    await terminal.until(/^HOST>$/m);
    return terminal;
  }

  async type(text: string): Promise<void> {
    await this.write(text);
    await this.press('Enter');
  }

  /** Without Enter. */
  async write(text: string): Promise<void> {
    await this.#tmux('send-keys', '-t', 'main', '-l', text);
  }

  /** By tmux' names: `C-c`, `Enter`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux('send-keys', '-t', 'main', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-t', 'main', '-x', String(columns), '-y', String(rows));
  }

  /** Everything that is and was on the screen; empty lines at the end are left out. */
  async screen(): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', '-S', '-1000', '-t', 'main')).trimEnd();
  }

  async clear(): Promise<void> {
    await this.#tmux('send-keys', '-R', '-t', 'main');
    await this.#tmux('clear-history', '-t', 'main');
  }

  until(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    return eventually(
      async () => {
        const screen = await this.screen();
        const found = pattern.exec(screen);
        if (found === null) throw new Error(screen);
        return found;
      },
      { timeoutMs, everyMs: 100, describe: `${pattern} on the screen` },
    );
  }

  async close(): Promise<void> {
    await this.#tmux('kill-server');
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const argv = ['env', 'LC_ALL=C.UTF-8', 'TERM=xterm', 'tmux', '-L', this.#server, ...args];
    return (await this.#world.host.exec(argv, { reject: !args.includes('kill-server') })).stdout;
  }
}
