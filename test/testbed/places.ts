import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Root trees, and the disks of running hosts: outside of any clone, on a disk, shared by all clones. */
export const cacheDirectory = process.env.NSPAWND_TESTBED_CACHE ?? '/var/cache/nspawnd-testbed';

/** What runs: a directory per host. */
export const stateDirectory = '/run/nspawnd-testbed';

/** Where the host called `name` keeps its writable disk. */
export function diskOf(name: string): string {
  return join(cacheDirectory, 'hosts', name);
}

/** The control group all processes of the host called `name` are in. */
export function cgroupOf(name: string): string {
  return join(cgroupRoot(), 'nspawnd-testbed', name);
}

/** The unified hierarchy, which is not at its usual place on a machine that also mounts the old ones. */
function cgroupRoot(): string {
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map(line => line.split(' '))
    .find(([, , type]) => type === 'cgroup2')?.[1];
  if (!mount) throw new Error('test hosts need the cgroup2 file system mounted on this machine');
  return mount;
}
