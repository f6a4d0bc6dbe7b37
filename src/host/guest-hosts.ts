import { rm } from 'node:fs/promises';
import { ReadOnce } from './file-stamps.ts';
import {
  errorCode,
  exists,
  listDirectory,
  makeDirectoryFor,
  readFileIfExists,
  writeFileAtomically,
} from './files.ts';
import { readBelow } from './guest-files.ts';
import { findBlock, replaceBlock, writeInPlace } from './hosts-file.ts';
import { runShort } from './short-command.ts';

const MAX_HOSTS_BYTES = 256 * 1024;
/** For a tree that has no etc/hosts of its own. */
const DEFAULT_HOSTS = '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n';

/**
 * The guests' own /etc/hosts: what their tree says, and our block. Each lives outside the guest and is bound in read-only,
 * so it is changed in place (a bind holds the inode), while the guest runs.
 */
export class GuestHosts {
  readonly #directory: string;
  readonly #hostsFile: string;
  readonly #blocks = new ReadOnce(async path => findBlock((await readFileIfExists(path)) ?? '') ?? '');

  constructor(runtimeDirectory: string, hostsFile: string) {
    this.#directory = `${runtimeDirectory}/guest-hosts`;
    this.#hostsFile = hostsFile;
  }

  path(name: string): string {
    return `${this.#directory}/${name}`;
  }

  async observe(name: string): Promise<'absent' | 'present'> {
    return (await exists(this.path(name))) ? 'present' : 'absent';
  }

  /**
   * From the tree's own file, read through no symlink, and the block that the host has at this moment. Names that came
   * to the host while it was written are in it, too: whoever brought them to the guests had yet to find this one.
   */
  async write(name: string, root: string): Promise<void> {
    const own = (await readBelow(root, ['etc', 'hosts'], MAX_HOSTS_BYTES)) ?? DEFAULT_HOSTS;
    await makeDirectoryFor(this.path(name));
    let written: string | null = null;
    for (let block = await this.#hostsBlock(); block !== written; block = await this.#hostsBlock()) {
      await this.#mutable(name, () => writeFileAtomically(this.path(name), replaceBlock(own, block)));
      written = block;
    }
  }

  async #hostsBlock(): Promise<string> {
    return findBlock((await readFileIfExists(this.#hostsFile)) ?? '') ?? '';
  }

  async remove(name: string): Promise<void> {
    await this.#mutable(name, () => rm(this.path(name), { force: true }));
  }

  /** A guest's root can mount its file anew and make it immutable; chattr(1). */
  async #mutable(name: string, change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      if (errorCode(error) !== 'EPERM') throw error;
      await runShort('chattr', ['-ia', '--', this.path(name)]);
      await change();
    }
  }

  /** The block in each guest's file. */
  async blocks(): Promise<Readonly<Record<string, string>>> {
    const names = await this.names();
    const blocks = await this.#blocks.all(names.map(name => this.path(name)));
    return Object.fromEntries(names.map((name, index) => [name, blocks[index] ?? '']));
  }

  async updateAll(block: string): Promise<void> {
    const failures: unknown[] = [];
    for (const name of await this.names()) {
      // A guest that is in the way of its own file is not in the way of others.
      await this.#bring(name, block).catch(error => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }

  async #bring(name: string, block: string): Promise<void> {
    const before = await this.#read(name);
    const after = replaceBlock(before, block);
    if (after !== before) await this.#update(name, after);
  }

  /** Its container may have been removed since we read it. */
  async #update(name: string, text: string): Promise<void> {
    try {
      await this.#mutable(name, () => writeInPlace(this.path(name), text));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }

  async names(): Promise<readonly string[]> {
    return (await listDirectory(this.#directory)).filter(name => !name.includes('.'));
  }

  async #read(name: string): Promise<string> {
    return (await readFileIfExists(this.path(name))) ?? '';
  }
}
