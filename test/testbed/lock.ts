import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Runs `action` while holding an exclusive lock on `file`, among all processes of the machine.
 * The lock is held by a `flock` child that ends with its standard input, so it is freed however this process ends.
 */
export async function withLock<T>(file: string, action: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat > /dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'close');
  await Promise.race([
    once(holder.stdout, 'data'),
    ended.then(() => {
      throw new Error(`flock could not lock ${file}`);
    }),
  ]);
  try {
    return await action();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

/** Has `make` make what is not there at `path`, once among all processes of the machine; tells whether it was not there. */
export async function makeOnce(path: string, lock: string, make: () => Promise<unknown>): Promise<boolean> {
  if (existsSync(path)) return false;
  await withLock(lock, async () => {
    if (!existsSync(path)) await make();
  });
  return true;
}
