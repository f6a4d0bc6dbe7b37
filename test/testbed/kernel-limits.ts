import { readFile, writeFile } from 'node:fs/promises';

/**
 * Counted over the whole machine and not writable from inside a host. Fifty guests of a host take some 350 inotify
 * instances; the keys are for guests whose users are not the machine's root.
 */
const leastLimits: Readonly<Record<string, number>> = {
  '/proc/sys/fs/inotify/max_user_instances': 8192,
  '/proc/sys/fs/inotify/max_user_watches': 1_048_576,
  '/proc/sys/kernel/keys/maxkeys': 20_000,
  '/proc/sys/kernel/keys/maxbytes': 2_000_000,
};

/** Raises the kernel's limits to what many guests need; never lowers one. */
export async function raiseKernelLimits(): Promise<void> {
  for (const [file, least] of Object.entries(leastLimits)) {
    const current = Number(await readFile(file, 'utf8'));
    if (current < least) await writeFile(file, `${least}\n`);
  }
}
