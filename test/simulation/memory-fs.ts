import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname } from 'node:path';

/**
 * A file system in memory, as far as the manifests room asks for one, with the clock's own times. While it is installed,
 * `node:fs/promises` answers from it, by the clock's time and no other, so that a life with files is as repeatable as one
 * without.
 */
export class MemoryFs {
  readonly #nowMs: () => number;
  /** How long the disk takes for what nspawnd asks of it; null: it has it at hand. */
  readonly #takesTime: () => Promise<void> | null;
  /** A server's is asked for everything beside other work. */
  readonly #type: 'ext4' | 'nfs4';
  /** An nspawnd has been told what is in a directory. */
  onListed: ((path: string, names: readonly string[]) => void) | null = null;
  /** Which nspawnd this is; null: none runs. */
  #reader: number | null = null;
  #lastReader = 0;
  readonly #nodes = new Map<string, Node>();
  #lastInode = 0;

  constructor(nowMs: () => number, takesTime: () => Promise<void> | null, type: 'ext4' | 'nfs4') {
    this.#nowMs = nowMs;
    this.#takesTime = takesTime;
    this.#type = type;
    this.mkdir('/');
  }

  /** An nspawnd begins to read and write. */
  open(): void {
    this.#reader = ++this.#lastReader;
  }

  /** It is dead: what it was at comes to no end. */
  close(): void {
    this.#reader = null;
  }

  textOf(path: string): string | null {
    return this.has(path) ? this.#get(path).text : null;
  }

  has(path: string): boolean {
    return this.#nodes.has(path);
  }

  mkdir(path: string): void {
    if (!this.#nodes.has(path)) this.#put(path, null);
  }

  /** In place, or as careful people do: aside, a while ago, and moved in. */
  write(path: string, text: string, isMovedIn: boolean): void {
    const node = this.#nodes.get(path);
    const now = this.#nowMs();
    if (isMovedIn || node === undefined || node.text === null) this.#put(path, text);
    else Object.assign(node, { text, mtimeMs: now, ctimeMs: now });
    const written = this.#nodes.get(path);
    if (isMovedIn && written !== undefined) written.mtimeMs = now - 60_000;
  }

  remove(path: string): void {
    if (!this.#nodes.delete(path)) throw failure('ENOENT', path);
  }

  rename(from: string, to: string): void {
    const moved = [...this.#nodes].filter(([path]) => path === from || path.startsWith(`${from}/`));
    if (moved.length === 0) throw failure('ENOENT', from);
    for (const [path, node] of moved) {
      this.#nodes.delete(path);
      this.#nodes.set(to + path.slice(from.length), node);
    }
    const node = this.#nodes.get(to);
    if (node !== undefined) node.ctimeMs = this.#nowMs();
  }

  install(): void {
    const answers: Record<string, Call> = {
      lstat: path => new Stats(this.#get(path)),
      stat: path => new Stats(this.#get(path)),
      realpath: path => this.#get(path) && path,
      readlink: path => {
        throw failure('EINVAL', path);
      },
      readdir: (path, options) => {
        const areWhole = (options as { withFileTypes?: boolean } | undefined)?.withFileTypes === true;
        const names = this.#list(path);
        this.onListed?.(path, names);
        return names.map(name => (areWhole ? this.#entry(path, name) : name));
      },
      readFile: path => this.#get(path).text,
      mkdir: path => this.mkdir(path),
      unlink: path => this.remove(path),
      rename: (from, to) => this.rename(from, to as string),
      open: (path, flags) => this.#open(path, flags),
    };
    installed = {
      promised: (key, path, option) => this.#do(() => answers[key]?.(path, option)),
      // Modules are still loaded from the real one.
      lstat: path => (MODULES.test(path) ? null : new Stats(this.#get(path))),
      mountInfo: `1 1 0:1 / / rw - ${this.#type} none rw\n`,
    };
    hook(Object.keys(answers));
  }

  uninstall(): void {
    installed = null;
  }

  async #do<T>(work: () => T): Promise<T> {
    const reader = this.#reader;
    if (reader === null) return FOREVER;
    const time = this.#takesTime();
    if (time !== null) {
      await time;
      if (this.#reader !== reader) return FOREVER;
    }
    return work();
  }

  #put(path: string, text: string | null): void {
    const now = this.#nowMs();
    this.#nodes.set(path, { inode: ++this.#lastInode, text, mtimeMs: now, ctimeMs: now });
  }

  #get(path: string): Node {
    const node = this.#nodes.get(path);
    if (node === undefined) throw failure('ENOENT', path);
    return node;
  }

  #list(path: string): readonly string[] {
    if (this.#get(path).text !== null) throw failure('ENOTDIR', path);
    return [...this.#nodes.keys()]
      .filter(found => found !== path && dirname(found) === path)
      .map(found => basename(found));
  }

  #entry(parent: string, name: string): object {
    const isDirectory = this.#get(`${parent}/${name}`).text === null;
    const no = () => false;
    return {
      ...{ name, parentPath: parent, isSymbolicLink: no },
      ...{ isDirectory: () => isDirectory, isFile: () => !isDirectory },
    };
  }

  #open(path: string, flags: unknown): object {
    if (flags === 'w') this.write(path, '', false);
    const node = this.#get(path);
    return {
      stat: () => this.#do(() => new Stats(node)),
      read: (buffer: Uint8Array, offset: number, length: number, position: number) =>
        this.#do(() => {
          const bytes = Buffer.from(node.text ?? '').subarray(position, position + length);
          buffer.set(bytes, offset);
          return { bytesRead: bytes.length };
        }),
      writeFile: (text: string) => this.#do(() => this.write(path, text, false)),
      sync: () => this.#do(() => undefined),
      close: () => this.#do(() => undefined),
    };
  }
}

/** The one that answers instead of the real file system; null: none does. */
let installed: {
  readonly promised: (key: string, path: string, option: unknown) => Promise<unknown>;
  readonly lstat: (path: string) => Stats | null;
  readonly mountInfo: string;
} | null = null;
let isHooked = false;

/** Once for all lives: to tell every module of it takes longer than most of what is asked in one. */
function hook(keys: readonly string[]): void {
  if (isHooked) return;
  isHooked = true;
  const promises = fs.promises as unknown as Record<string, (...args: unknown[]) => unknown>;
  const real = { ...promises };
  for (const key of keys)
    promises[key] = (...args) =>
      installed === null ? real[key]?.(...args) : installed.promised(key, String(args[0]), args[1]);
  const { lstatSync, readFileSync } = fs;
  Object.assign(fs, {
    readFileSync: (path: string, ...more: unknown[]) =>
      installed !== null && path === '/proc/self/mountinfo'
        ? installed.mountInfo
        : readFileSync(path, ...(more as [])),
    lstatSync: (path: string, ...more: unknown[]) =>
      installed?.lstat(path) ?? lstatSync(path, ...(more as [])),
  });
  syncBuiltinESMExports();
}

const FOREVER = new Promise<never>(() => undefined);
const MODULES = /\/(src|test|node_modules)(\/|$)/;

type Call = (path: string, option?: unknown) => unknown;

interface Node {
  readonly inode: number;
  /** Null: a directory. */
  text: string | null;
  mtimeMs: number;
  ctimeMs: number;
}

/** As `lstat` with `bigint` answers, as far as it is asked. */
class Stats {
  readonly dev = 1n;
  readonly uid = OUR_UID;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mode: bigint;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly #isFile: boolean;

  constructor({ inode, text, mtimeMs, ctimeMs }: Node) {
    this.#isFile = text !== null;
    this.ino = BigInt(inode);
    this.size = BigInt(text === null ? 0 : Buffer.byteLength(text));
    this.mode = this.#isFile ? 0o100644n : 0o40755n;
    this.mtimeMs = mtimeMs;
    this.ctimeMs = ctimeMs;
    this.mtimeNs = BigInt(Math.round(mtimeMs * 1000) * 1000);
    this.ctimeNs = BigInt(Math.round(ctimeMs * 1000) * 1000);
  }

  isFile(): boolean {
    return this.#isFile;
  }

  isDirectory(): boolean {
    return !this.#isFile;
  }

  isSymbolicLink(): boolean {
    return false;
  }
}

const OUR_UID = BigInt(process.getuid?.() ?? 0);

/** Most are part of every life, and where they come from is nobody's question: the stack takes longer than the rest. */
function failure(code: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${path}`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
