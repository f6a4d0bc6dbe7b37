import { statSync } from 'node:fs';
import { READ_SOCKET, ROOT_SOCKET } from '../../server/protocol.ts';

export const DEFAULT_RUNTIME_DIRECTORY = '/run/nspawnd';

/** Where the daemon may be reached. */
export interface Sockets {
  /** For everything. */
  readonly all: string;
  /** Tried for reading when the first cannot be used; null when the person named one socket. */
  readonly reading: string | null;
}

/** From `--socket`: a socket, or the directory that has both; the usual one when not given. */
export function chooseSockets(given: string | undefined): Sockets {
  const directory = given === undefined ? DEFAULT_RUNTIME_DIRECTORY : given;
  if (given !== undefined && statSync(given, { throwIfNoEntry: false })?.isDirectory() !== true)
    return { all: given, reading: null };
  return { all: `${directory}/${ROOT_SOCKET}`, reading: `${directory}/${READ_SOCKET}` };
}
