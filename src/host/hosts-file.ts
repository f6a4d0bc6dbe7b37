import { constants, readFileSync, renameSync } from 'node:fs';
import { chown, open, realpath, rm, stat } from 'node:fs/promises';
import { NspawndError } from '../errors.ts';
import { errorCode, exists, readFileIfExists } from './files.ts';

/** Our lines in /etc/hosts, between two markers; everybody else's lines stay as they are. */
const BEGIN = '# BEGIN nspawnd: the containers of this host; changes between these lines are overwritten';
const END = '# END nspawnd';

/** Our block without its markers; null where there is none. */
export function findBlock(text: string): string | null {
  const lines = text.split('\n');
  const begin = lines.findIndex(isBegin);
  if (begin < 0) return null;
  const end = lines.findIndex((line, index) => index > begin && line === END);
  const inside = lines.slice(begin + 1, end < 0 ? begin + 1 : end);
  return inside.map(line => `${line}\n`).join('');
}

/**
 * The text with its block replaced; an empty block takes the markers away too. A block whose end somebody cut off is
 * only its first line: nothing that may be somebody else's is removed.
 */
export function replaceBlock(text: string, block: string): string {
  const lines = text.split('\n');
  const begin = lines.findIndex(isBegin);
  const end = begin < 0 ? -1 : lines.findIndex((line, index) => index > begin && line === END);
  const before = begin < 0 ? text : joinLines(lines.slice(0, begin));
  const after = begin < 0 ? '' : lines.slice((end < 0 ? begin : end) + 1).join('\n');
  if (block === '') return before + after;
  const separator = before === '' || before.endsWith('\n') ? '' : '\n';
  return `${before}${separator}${BEGIN}\n${block}${END}\n${after}`;
}

function isBegin(line: string): boolean {
  return line.startsWith('# BEGIN nspawnd');
}

function joinLines(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('');
}

export class HostsFile {
  readonly #path: string;
  #lastWrite: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  async block(): Promise<string | null> {
    return findBlock(await read(await this.#target()));
  }

  /** Puts the block in force. The file is read again right before it is written, and not written if nothing changes. */
  write(block: string): Promise<void> {
    const write = this.#lastWrite.then(() => this.#write(block));
    this.#lastWrite = write.catch(() => undefined);
    return write;
  }

  async #write(block: string): Promise<void> {
    const path = await this.#target();
    for (let attempt = 0; ; attempt++) {
      const before = await read(path);
      const after = replaceBlock(before, block);
      if (after === before) return;
      if (await replace(path, before, after)) return;
      if (attempt === MAX_ATTEMPTS) throw new Error(`${path} is being changed by somebody else all the time`);
    }
  }

  /** Where a link leads, as some distributions have it: the link itself stays. */
  async #target(): Promise<string> {
    try {
      return await realpath(this.#path);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return this.#path;
      throw error;
    }
  }
}

/** False when somebody else changed the file meanwhile: then it is read again. */
async function replace(path: string, before: string, after: string): Promise<boolean> {
  const old = await stat(path).catch(() => null);
  const aside = `${path}.nspawnd.tmp`;
  await rm(aside, { force: true });
  const file = await open(
    aside,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
    (old?.mode ?? 0o644) & 0o7777,
  );
  try {
    if (old !== null) {
      await file.chmod(old.mode & 0o7777);
      await chown(aside, old.uid, old.gid);
    }
    await file.writeFile(after, 'latin1');
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // In one breath: whatever somebody else wrote between the two would be lost.
    if (readNow(path) !== before) return false;
    renameSync(aside, path);
    return true;
  } catch (error) {
    // A bind mount cannot be renamed over: written in place, as one write.
    if (errorCode(error) !== 'EBUSY') throw error;
    await writeInPlace(path, after, 'latin1');
    return true;
  } finally {
    await rm(aside, { force: true });
  }
}

const MAX_ATTEMPTS = 5;
/** Lists that block advertisements by the hosts file have some megabytes. */
const MAX_BYTES = 64 * 1024 * 1024;

/** As latin1, whatever it is: the lines of others come back byte by byte. Nothing where there is no file. */
async function read(path: string): Promise<string> {
  const text = await readFileIfExists(path, MAX_BYTES, 'latin1');
  if (text !== null) return text;
  if (await exists(path))
    throw new NspawndError('FileError', `${path} is no file of less than ${MAX_BYTES} bytes`);
  return '';
}

function readNow(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** One write of the whole text, then the rest is cut off: readers never see an empty file. A file that is gone stays gone. */
export async function writeInPlace(
  path: string,
  text: string,
  encoding: 'utf8' | 'latin1' = 'utf8',
): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    const bytes = Buffer.from(text, encoding);
    await file.write(bytes, 0, bytes.length, 0);
    await file.truncate(bytes.length);
  } finally {
    await file.close();
  }
}
