import { chmod, chown, lstat, mkdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { NspawndError } from '../errors.ts';

export interface SocketFile {
  readonly path: string;
  readonly mode: number;
  readonly groupId: number | null;
}

const PROBE_TIMEOUT_MS = 2_000;

/**
 * Makes a listening socket appear at its path with its final owner and mode: it is bound in a directory nobody else can
 * enter and then renamed, so there is no moment at which it can be used and is not protected. A stale socket is replaced
 * in the same step.
 *
 * Throws FileError when somebody answers at the path, or when something other than a socket is there. Returns what takes
 * it away again, if it still is this one.
 */
export async function placeSocket(
  file: SocketFile,
  listen: (path: string) => Promise<unknown>,
): Promise<() => Promise<void>> {
  await refuseOccupied(file.path);
  const aside = `${dirname(file.path)}/.listening`;
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { mode: 0o700 });
  const bound = `${aside}/socket`;
  await listen(bound);
  if (file.groupId !== null) await chown(bound, -1, file.groupId);
  await chmod(bound, file.mode);
  const { ino } = await stat(bound);
  await rename(bound, file.path);
  await rm(aside, { recursive: true });
  return async () => {
    const now = await lstat(file.path).catch(() => null);
    // Gone or another daemon's: either way not ours to remove.
    if (now?.ino === ino) await unlink(file.path).catch(() => {});
  };
}

async function refuseOccupied(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!found.isSocket()) throw new NspawndError('FileError', `not a socket, so not replaced: ${path}`);
  if (await doesAnswer(path))
    throw new NspawndError('FileError', `another nspawnd listens on ${path}; stop it first`);
}

function doesAnswer(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path);
    const say = (isAlive: boolean) => {
      socket.destroy();
      resolve(isAlive);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS);
    socket.on('connect', () => say(true));
    // Full backlog: somebody is there, if slow.
    socket.on('timeout', () => say(true));
    socket.on('error', (error: NodeJS.ErrnoException) => say(error.code === 'EAGAIN'));
  });
}
