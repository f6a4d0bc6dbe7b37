import { type FileHandle, open } from 'node:fs/promises';
import { isatty } from 'node:tty';
import { messageOf, NspawndError } from '../../errors.ts';
import { TreeCopy } from '../../host/copy-tree.ts';
import { bytesToName, type Found, findInRoot, openGuestRoot } from '../../host/path-in-root.ts';
import { escapeLine } from '../../view/escape.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { CopyProgress } from './copy-progress.ts';
import { findRoot } from './guest-root.ts';
import { untilInterrupted } from './interrupted.ts';
import { baseNameOf, type Place, parsePlace } from './place.ts';
import { writeBytes } from './write-bytes.ts';

type PathPlace = Extract<Place, { is: 'path' }>;

/**
 * `nspawnctl cp SOURCE DESTINATION`: files and directories into a container, out of it, or from one to another. It walks
 * both sides itself, as somebody inside would, so a guest needs no tar, and may be down; see `path-in-root.ts`.
 */
export async function cp(sourceText: string, targetText: string, context: Context): Promise<ExitCode> {
  const [source, target] = [parsePlace(sourceText), parsePlace(targetText)];
  const isInContainer = (place: Place) => place.is === 'path' && place.container !== null;
  if (!isInContainer(source) && !isInContainer(target))
    throw new CliError(EXIT.usage, 'neither is in a container: one has to be NAME:PATH', [
      'out of one: nspawnctl cp web:/etc/hostname .',
      'into one: nspawnctl cp ./site web:/srv/',
    ]);
  if (process.geteuid?.() !== 0)
    throw new CliError(EXIT.notPermitted, "only root may copy a container's files", [
      'run the same command with sudo',
    ]);
  return untilInterrupted(signal => copy(source, target, signal, context));
}

async function copy(source: Place, target: Place, signal: AbortSignal, context: Context): Promise<ExitCode> {
  const { client, terminal } = context;
  const progress = new CopyProgress(terminal, isatty(2));
  const opened: { close(): Promise<void> }[] = [];
  const hold = <T extends { close(): Promise<void> }>(thing: T): T => {
    opened.push(thing);
    return thing;
  };
  const find = async (place: PathPlace) => {
    const root = hold(await openRoot(place, client));
    return { root, found: hold(await findInRoot(root, place.path)) };
  };
  try {
    if (target.is === 'stream') {
      const { found } = await find(source as PathPlace);
      await toStream(found, source as PathPlace, signal, context);
      return EXIT.done;
    }
    const from = source.is === 'stream' ? null : await find(source);
    if (from !== null && source.is === 'path') refuseOdd(from.found, source);
    const to = await find(target);
    const rootStats = target.container === null ? null : await to.root.stat();
    const task = {
      owner: rootStats === null ? null : { uid: rootStats.uid, gid: rootStats.gid },
      onlyInnerLinks: target.container === null,
      signal,
      onSkip: (path: string, why: string) => progress.skip(path, why),
      onProgress: (bytes: number, files: number) => progress.add(bytes, files),
    };
    const tree = new TreeCopy(task);
    const place = placeFor(from?.found.is ?? 'file', source, to.found, target);
    if (from === null) await tree.write(input(signal), place.directory, place.name);
    else if (from.found.handle !== null)
      await tree.copy(from.found.handle, place.directory, place.name, (source as PathPlace).shown);
    return progress.hasSkipped ? EXIT.no : EXIT.done;
  } catch (error) {
    if (signal.aborted) return EXIT.no;
    throw explain(error);
  } finally {
    await progress.end();
    for (const thing of opened.reverse()) await thing.close();
  }
}

/** Who has interrupted waits for no line. */
function input(signal: AbortSignal): AsyncIterable<Buffer> {
  signal.addEventListener('abort', () => process.stdin.destroy(), { once: true });
  return process.stdin;
}

async function openRoot({ container }: PathPlace, client: Client): Promise<FileHandle> {
  if (container === null) return open('/', 'r');
  const { root } = await findRoot(container, client);
  return openGuestRoot(root);
}

function refuseOdd({ is }: Found, { shown }: PathPlace): void {
  if (is === 'missing') throw new CliError(EXIT.no, `${shown}: no such file or directory`);
  if (is === 'other') throw new CliError(EXIT.no, `${shown}: neither a file nor a directory`);
}

/** As cp does it: into a directory that is there, else under the name given. */
function placeFor(
  sourceIs: Found['is'],
  source: Place,
  target: Found,
  { shown, isDirectory }: PathPlace,
): { readonly directory: FileHandle; readonly name: string } {
  if (target.is === 'directory' && target.handle !== null) {
    const name = source.is === 'stream' ? '' : baseNameOf(source) || (source.container ?? '');
    if (name === '') throw new CliError(EXIT.usage, `${shown} is a directory: name the file in it`);
    return { directory: target.handle, name: bytesToName(Buffer.from(name)) };
  }
  if (target.is === 'other') throw new CliError(EXIT.no, `${shown}: neither a file nor a directory`);
  if (sourceIs === 'directory' && target.is !== 'missing')
    throw new CliError(EXIT.no, `${shown}: is no directory, and the source is one`);
  if (isDirectory && sourceIs !== 'directory') throw new CliError(EXIT.no, `${shown}: no such directory`);
  if (target.parent === null) throw new CliError(EXIT.no, `${shown}: cannot be written`);
  return { directory: target.parent, name: target.name };
}

async function toStream(
  found: Found,
  source: PathPlace,
  signal: AbortSignal,
  { terminal }: Context,
): Promise<void> {
  refuseOdd(found, source);
  if (found.handle === null || found.is === 'directory')
    throw new CliError(EXIT.no, `${source.shown}: only a file can be written to the output`);
  const tree = new TreeCopy({
    owner: null,
    onlyInnerLinks: true,
    signal,
    onSkip: () => undefined,
    onProgress: () => undefined,
  });
  const contents = tree.contents(found.handle, await found.handle.stat());
  await writeBytes(contents, terminal, signal);
}

/** The system's words say which file it was by a path that means nothing to anybody. */
function explain(error: unknown): unknown {
  if (error instanceof CliError) return error;
  if (error instanceof NspawndError) return new CliError(EXIT.no, error.message, [], { cause: error });
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  const why = REASONS[code] ?? escapeLine(messageOf(error).replace(/'\/proc\/self\/fd\/\d+\/?/g, "'"));
  return new CliError(EXIT.no, `not copied: ${why}`, [], { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left where it was to go; nothing of what did not fit is left there',
  EDQUOT: 'the quota is used up where it was to go; nothing of what did not fit is left there',
  EROFS: 'where it was to go nothing can be written (read-only)',
  EISDIR: 'a directory is in the way of a file of the same name',
  ENOTEMPTY: 'a directory is in the way of a file of the same name',
  ENOTDIR: 'a file is in the way of a directory of the same name',
  EOVERFLOW: 'the guest has users of its own, to whom nothing can be given from here',
};
