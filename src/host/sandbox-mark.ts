import { utimes, writeFile } from 'node:fs/promises';
import { listDirectory, lstatIfExists, makeDirectoryFor, readFileIfExists, removeFile } from './files.ts';

export interface SandboxMark {
  /** When the sandbox was built from nothing: the time of the file. */
  readonly builtAt: number;
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
    const stat = await lstatIfExists(this.#path(name));
    if (stat === null) return null;
    const text = Number(stat.size) === 0 ? '' : ((await readFileIfExists(this.#path(name))) ?? '');
    return { builtAt: Number(stat.mtimeMs), macvlans: text.split('\n').filter(line => line !== '') };
  }

  async put(name: string, { builtAt, macvlans }: SandboxMark): Promise<void> {
    await makeDirectoryFor(this.#path(name));
    await writeFile(this.#path(name), macvlans.map(parent => `${parent}\n`).join(''));
    await utimes(this.#path(name), builtAt / 1000, builtAt / 1000);
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
