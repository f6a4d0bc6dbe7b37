import type { FileHandle } from 'node:fs/promises';
import { openGuestSocket } from './guest-node.ts';
import { asGuestRoot } from './guest-root.ts';
import { pathOfHandle } from './open-below.ts';
import { openInTime } from './open-in-time.ts';

/**
 * How a guest's systemd is spoken to. It takes the place of `--machine=`, which forks a helper into the guest's namespaces to
 * find the socket there, at /var/run/dbus. For a moment that is a process of the host's among the guest's, with all that root
 * may do and all that root's session has open, and the guest's root can take it over. And where the guest has mounted a file
 * system that does not answer, it cannot even be killed, and there would be one more of it for each question. A socket that is
 * open already is connected to from outside, and by nobody's file system.
 */
export interface GuestBus {
  /** What comes before a program and its arguments: it speaks to the guest's systemd then, which takes it for the guest's root. */
  readonly speaking: readonly string[];
  /** What such a program has to have open, from 3 on. */
  readonly descriptors: readonly number[];
  close(): Promise<void>;
}

/** Null: the guest's bus cannot be reached, or would not obey. */
export async function openGuestBus(leader: number): Promise<GuestBus | null> {
  const asRoot = await asGuestRoot(leader);
  if (asRoot === null) return null;
  const handle = await openInTime(leader, () => openBus(leader));
  if (handle === null) return null;
  return {
    speaking: [...environmentOf(`/proc/self/fd/${FIRST_DESCRIPTOR}`), ...asRoot],
    descriptors: [handle.fd],
    close: () => handle.close(),
  };
}

/** The one after those that every program has. */
export const FIRST_DESCRIPTOR = 3;

/**
 * Runs something that asks a guest's bus what everybody may ask, and inherits nothing for it: `argvOf` a program and its
 * arguments is an argv by which it does. Null: the guest's bus cannot be reached, and nothing was run.
 */
export async function throughGuestBus<T>(
  leader: number,
  use: (argvOf: ArgvOf) => Promise<T>,
): Promise<T | null> {
  const handle = await openInTime(leader, () => openBus(leader));
  if (handle === null) return null;
  try {
    // Of the handle's owner, since `self` is somebody else for who runs it.
    const [first, ...environment] = environmentOf(pathOfHandle(handle).replace('self', String(process.pid)));
    return await use((program, ...args) => [first, ...environment, program, ...args]);
  } finally {
    await handle.close();
  }
}

export type ArgvOf = (program: string, ...args: readonly string[]) => readonly [string, ...string[]];

function environmentOf(socket: string): readonly [string, ...string[]] {
  return [
    'env',
    `DBUS_SYSTEM_BUS_ADDRESS=unix:path=${socket}`,
    // Or root speaks to the host's systemd, by a socket of its own.
    'SYSTEMCTL_FORCE_BUS=1',
  ];
}

/** Where it is; the second in guests so old that their /var/run is no link. */
const SOCKETS = ['run/dbus/system_bus_socket', 'var/run/dbus/system_bus_socket'];

async function openBus(leader: number): Promise<FileHandle | null> {
  for (const socket of SOCKETS) {
    const handle = await openGuestSocket(leader, socket);
    if (handle !== null) return handle;
  }
  return null;
}
