import { constants, renameSync } from 'node:fs';
import { chown, open, realpath, rm, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { NspawndError } from '../errors.ts';
import { errorCode, exists, readFileIfExists } from './files.ts';
import { ReplacedFile } from './replaced-file.ts';

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
  readonly #pause: () => Promise<void>;
  #lastWrite: Promise<unknown> = Promise.resolve();
  /** What was last asked for. */
  #block = '';

  /** `pause`: a moment, in which whoever has the old file open writes what there is to write. */
  constructor(path: string, pause: () => Promise<void> = aMoment) {
    this.#path = path;
    this.#pause = pause;
  }

  async block(): Promise<string | null> {
    return findBlock(await read(await this.#target()));
  }

  /** Puts the block in force. The file is read again right before it is written, and not written if nothing changes. */
  write(block: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#block = block;
      await this.#change(await this.#target(), before => replaceBlock(before, block));
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lastWrite.then(work);
    this.#lastWrite = done.catch(() => undefined);
    return done;
  }

  /** The text that is in the file then. */
  async #change(path: string, change: (before: string) => string): Promise<string> {
    for (let attempt = 0; ; attempt++) {
      const before = await read(path);
      const after = change(before);
      if (after === before) return after;
      const replacement = await replace(path, before, after);
      if (replacement.is === 'done') {
        if (replacement.old !== null) await this.#follow(replacement.old, { path, before, after });
        return after;
      }
      if (attempt === MAX_ATTEMPTS) throw new Error(`${path} is being changed by somebody else all the time`);
    }
  }

  /** Looks at once, for that is when a line is added most often, and again a moment later, for which nobody waits. */
  async #follow(old: ReplacedFile, swap: Swap): Promise<void> {
    let taken = swap;
    try {
      taken = await this.#take(old.text(), false, swap);
    } catch (error) {
      old.close();
      throw error;
    }
    // What cannot be read or written then is as lost as it would have been, ignoring.
    this.#followLater(old, taken).catch(() => undefined);
  }

  async #followLater(old: ReplacedFile, swap: Swap): Promise<void> {
    let taken = swap;
    try {
      for (let looks = 0, seen = old.text(); looks < MAX_LOOKS; looks++) {
        await this.#pause();
        const text = old.text();
        taken = await this.#inTurn(() => this.#take(text, text === seen, taken));
        if (text === seen) return;
        seen = text;
      }
    } finally {
      old.close();
    }
  }

  /**
   * Takes what the replaced file says by now into the one in its place. Lines that were added to it are taken at once; it may
   * also be on its way to another text, which counts when it stays so.
   */
  async #take(text: string, isQuiet: boolean, swap: Swap): Promise<Swap> {
    const { path, before, after } = swap;
    if (text === before || text === '') return swap;
    const added = text.startsWith(before) ? text.slice(before.length) : null;
    if (added === null && !isQuiet) return swap;
    const isInPlace = await this.#change(path, now => {
      if (now === after) return replaceBlock(text, this.#block);
      // Both were changed: a line can be added to anything, and of two texts the one that has the name stays.
      return added === null ? now : `${now}${now === '' || now.endsWith('\n') ? '' : '\n'}${added}`;
    });
    return { ...swap, before: text, after: isInPlace };
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

/** What was put in the place of what. */
interface Swap {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** `changed`: somebody else changed the file meanwhile, so it is read again. `old`: the file that was there, where it has no name any more. */
type Replacement = { readonly is: 'changed' } | { readonly is: 'done'; readonly old: ReplacedFile | null };

async function replace(path: string, before: string, after: string): Promise<Replacement> {
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
  let held: ReplacedFile | null = null;
  try {
    // In one breath: whatever somebody else wrote between the two would be lost.
    held = ReplacedFile.open(path);
    if ((held?.text() ?? '') !== before) return { is: 'changed' };
    renameSync(aside, path);
    if (held === null || held.hasName()) return { is: 'done', old: null };
    const old = held;
    held = null;
    return { is: 'done', old };
  } catch (error) {
    // A bind mount cannot be renamed over: written in place, as one write.
    if (errorCode(error) !== 'EBUSY') throw error;
    await writeInPlace(path, after, 'latin1');
    return { is: 'done', old: null };
  } finally {
    held?.close();
    await rm(aside, { force: true });
  }
}

const MAX_ATTEMPTS = 5;
/** Between opening a file and writing to it a program does little else. */
const MOMENT_MS = 200;
const MAX_LOOKS = 10;

function aMoment(): Promise<void> {
  return setTimeout(MOMENT_MS, undefined, { ref: false });
}
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
