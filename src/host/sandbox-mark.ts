import { listDirectory, putFile, readFileIfExists, removeFile } from './files.ts';

export interface SandboxMark {
  /** Which run had ended when the sandbox was built from nothing; empty: none. */
  readonly builtAfter: string;
  /** On which interfaces of the host it was given macvlans. */
  readonly macvlans: readonly string[];
}

/** One small file per sandbox that we made, written before what it marks: a kill in between leaves nothing that looks foreign. */
export class SandboxMarks {
  readonly #directory: string;

  constructor(runtimeDirectory: string) {
    this.#directory = `${runtimeDirectory}/sandboxes`;
  }

  async read(name: string): Promise<SandboxMark | null> {
    const text = await readFileIfExists(this.#path(name));
    if (text === null) return null;
    const [builtAfter = '', ...macvlans] = text.split('\n');
    return { builtAfter, macvlans: macvlans.filter(line => line !== '') };
  }

  async put(name: string, { builtAfter, macvlans }: SandboxMark): Promise<void> {
    const text = [builtAfter, ...macvlans].map(line => `${line}\n`).join('');
    await putFile(this.#path(name), text);
  }

  /** Of a sandbox that was taken down under a guest nothing is left that says whose it is. */
  async ensure(name: string): Promise<void> {
    if ((await this.read(name)) === null) await this.put(name, { builtAfter: '', macvlans: [] });
  }

  async remove(name: string): Promise<void> {
    await removeFile(this.#path(name));
  }

  names(): Promise<readonly string[]> {
    return listDirectory(this.#directory);
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }
}
