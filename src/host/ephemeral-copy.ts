import { basename, dirname, join } from 'node:path';
import { run } from './command.ts';
import { listDirectory, lstatIfExists } from './files.ts';

/**
 * A killed nspawn leaves the copy of an `--ephemeral` root beside it: `.#machine.ROOT<16 hex digits>`, and its lock. The
 * name is the root's, not the container's, so only a copy whose lock nobody holds may be removed.
 */
export async function leftoverCopies(root: string): Promise<readonly string[]> {
  const parent = dirname(root);
  const prefix = `.#machine.${basename(root)}`;
  const names = (await listDirectory(parent)).filter(
    name => name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length)),
  );
  const copies = names.map(name => join(parent, name));
  const free = await Promise.all(copies.map(async copy => !(await isLocked(copy))));
  return copies.filter((_, index) => free[index]);
}

/** `rm` follows no symlink of the tree it removes, and stays on its filesystem. */
export async function removeCopy(path: string): Promise<void> {
  if (await isLocked(path)) return;
  await run('rm', ['-rf', '--one-file-system', '--', path, lockPath(path)], { timeoutMs: 120_000 });
}

/** systemd locks `.#NAME.lck` beside the tree as long as it is used; src/shared/discover-image.c, image_path_lock(). */
async function isLocked(path: string): Promise<boolean> {
  const lock = lockPath(path);
  if ((await lstatIfExists(lock)) === null) return false;
  const { exitCode } = await run('flock', ['--nonblock', '--conflict-exit-code=75', lock, 'true'], {
    accept: [0, 75],
  });
  return exitCode === 75;
}

function lockPath(path: string): string {
  return join(dirname(path), `.#${basename(path)}.lck`);
}
