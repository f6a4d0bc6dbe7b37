import { type FileHandle, readlink } from 'node:fs/promises';
import { openGuestSocket } from './guest-socket.ts';
import { pathOfHandle } from './open-below.ts';

/** Where it is; the second in guests so old that their /var/run is no link. */
const SOCKETS = ['run/dbus/system_bus_socket', 'var/run/dbus/system_bus_socket'];
const OPEN_TIMEOUT_MS = 2000;

/** Guests, by their PID 1, whose socket is being opened for longer than that. */
const hanging = new Set<number>();

/**
 * Runs something that speaks to a guest's bus: `argvOf` a program and its arguments is an argv by which it does. Null: the
 * guest's bus cannot be reached, and nothing was run.
 *
 * It takes the place of `--machine=`, which forks a helper into the guest's namespaces to find the socket there, at
 * /var/run/dbus: where the guest has mounted a file system that does not answer, that helper cannot even be killed, and
 * there would be one more of it for each question. A socket that is open already is connected to by nobody's file system.
 */
export async function throughGuestBus<T>(
  leader: number,
  use: (argvOf: ArgvOf) => Promise<T>,
): Promise<T | null> {
  // Who still waits for a file system is waited for by nobody, and not joined by another.
  if (hanging.has(leader)) return null;
  const handle = await openInTime(leader);
  if (handle === null) return null;
  try {
    // Of the handle's owner, since `self` is somebody else for who runs it.
    const path = pathOfHandle(handle).replace('self', String(process.pid));
    return await use((program, ...args) => [
      'env',
      `DBUS_SYSTEM_BUS_ADDRESS=unix:path=${path}`,
      // Or root speaks to the host's systemd, by a socket of its own.
      'SYSTEMCTL_FORCE_BUS=1',
      program,
      ...args,
    ]);
  } finally {
    await handle.close();
  }
}

export type ArgvOf = (program: string, ...args: readonly string[]) => readonly [string, ...string[]];

/** Whether root of the host is root to a guest's bus, too: not with users of the guest's own (`--private-users`). */
export async function sharesUsers(leader: number): Promise<boolean> {
  const [own, guests] = await Promise.all(['self', leader].map(pid => readlink(`/proc/${pid}/ns/user`)));
  return own === guests;
}

async function openBus(leader: number): Promise<FileHandle | null> {
  for (const socket of SOCKETS) {
    const handle = await openGuestSocket(leader, socket);
    if (handle !== null) return handle;
  }
  return null;
}

/** What is opened too late is closed. */
async function openInTime(leader: number): Promise<FileHandle | null> {
  let isLate = false;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>(resolve => {
    timer = setTimeout(() => {
      isLate = true;
      hanging.add(leader);
      resolve(null);
    }, OPEN_TIMEOUT_MS);
  });
  // Whatever is wrong with it: it cannot be reached.
  const opened = openBus(leader).catch(() => null);
  void opened.then(async handle => {
    if (!isLate) return;
    hanging.delete(leader);
    await handle?.close();
  });
  try {
    return await Promise.race([opened, late]);
  } finally {
    clearTimeout(timer);
  }
}
