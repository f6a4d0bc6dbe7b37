import { lstat, readlink } from 'node:fs/promises';
import { nameOfUnit, unitName } from '../api/container.ts';
import type { UnitFileFacts } from '../planning/observed.ts';
import { isOurUnit } from '../planning/render/unit.ts';
import { ReadOnce } from './file-stamps.ts';
import { listDirectory, putFile, readFileIfExists, removeFile } from './files.ts';

/** The unit files we write. What has not our section is not ours, and is neither overwritten nor removed. */
export class UnitFiles {
  readonly #directory: string;
  readonly #owners = new ReadOnce(path => this.#ownerOf(path));

  constructor(directory: string) {
    this.#directory = directory;
  }

  path(name: string): string {
    return `${this.#directory}/${unitName(name)}`;
  }

  async observe(name: string): Promise<UnitFileFacts> {
    return await this.#observeAt(this.path(name));
  }

  async #observeAt(path: string): Promise<UnitFileFacts> {
    const text = await readFileIfExists(path);
    if (text !== null) return { owner: isOurUnit(text) ? 'ours' : 'foreign', path, text };
    return { owner: (await isSymlink(path)) ? 'foreign' : 'none', path, text: '' };
  }

  async write(name: string, text: string): Promise<void> {
    if ((await this.observe(name)).owner === 'foreign') return;
    await putFile(this.path(name), text);
  }

  async remove(name: string): Promise<void> {
    if ((await this.observe(name)).owner === 'ours') await removeFile(this.path(name));
  }

  async names(): Promise<readonly string[]> {
    const names = (await listDirectory(this.#directory)).map(nameOfUnit).filter(name => name !== null);
    const owners = await this.#owners.all(names.map(name => this.path(name)));
    return names.filter((_, index) => owners[index] === 'ours');
  }

  async #ownerOf(path: string): Promise<UnitFileFacts['owner']> {
    return (await this.#observeAt(path)).owner;
  }
}

/** A runtime mask is a symlink to /dev/null. */
async function isSymlink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink() && (await readlink(path)) !== '';
  } catch {
    return false;
  }
}
