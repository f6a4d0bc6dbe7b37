import { type FileHandle, statfs } from 'node:fs/promises';
import { FIRST_DESCRIPTOR } from './guest-bus.ts';
import { openGuestNode } from './guest-node.ts';
import { pathOfHandle } from './open-below.ts';
import { openInTime } from './open-in-time.ts';

/**
 * Terminals of a guest's own, made from outside: the guest's processes find them in their /dev/pts, and know them by that name.
 * systemd-run takes them from /dev/ptmx, and so it gets a /dev, for itself alone, in which that is the guest's.
 */
export interface GuestTerminals {
  /** What comes before a program and its arguments: a terminal that it makes is the guest's then. */
  readonly making: readonly string[];
  /** What such a program has to have open, after those of the guest's bus. */
  readonly descriptors: readonly number[];
  close(): Promise<void>;
}

/** Null: the guest has none, or none that can be trusted to answer. */
export async function openGuestTerminals(leader: number): Promise<GuestTerminals | null> {
  const opened = await openInTime(leader, () => openBoth(leader));
  if (opened === null) return null;
  return {
    // What the host unmounts meanwhile is unmounted for it, too, however long somebody sits there.
    making: ['unshare', '--mount', '--propagation=slave', '--', '/bin/sh', '-c', MAKE, 'sh'],
    descriptors: [opened.maker.fd, opened.directory.fd],
    close: opened.close,
  };
}

/** ptmx(4): device 5:2. */
const MAKER = (5 << 8) | 2;
/** statfs(2). No links are in such a file system, and no files but its terminals. */
const DEVPTS = 0x1cd1;

async function openBoth(leader: number) {
  const [maker, directory] = await Promise.all([
    openGuestNode(leader, 'dev/pts/ptmx', stats => stats.isCharacterDevice() && stats.rdev === MAKER),
    openGuestNode(leader, 'dev/pts', stats => stats.isDirectory()),
  ]);
  const close = async () => {
    await maker?.close();
    await directory?.close();
  };
  if (maker !== null && directory !== null && (await isOfTerminals(directory)))
    return { maker, directory, close };
  await close();
  return null;
}

async function isOfTerminals(handle: FileHandle): Promise<boolean> {
  return (await statfs(pathOfHandle(handle))).type === DEVPTS;
}

const [MAKER_AT, DIRECTORY_AT] = [FIRST_DESCRIPTOR + 1, FIRST_DESCRIPTOR + 2];

/** The rest of the host's /dev that a program may want is found through a descriptor of it, as it was before. */
const MAKE = [
  'exec 9</dev || exit',
  'mount -n -t tmpfs -o mode=755,size=64k tmpfs /dev || exit',
  `ln -s /proc/self/fd/${MAKER_AT} /dev/ptmx || exit`,
  `ln -s /proc/self/fd/${DIRECTORY_AT} /dev/pts || exit`,
  'ln -s /proc/self/fd/9/null /proc/self/fd/9/tty /dev || exit',
  'exec "$@"',
].join('\n');
