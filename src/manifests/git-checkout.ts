import { lstat, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * The git checkout that a file is a part of; null: none. What is edited there is undone by the next pull. etckeeper's is
 * none: it keeps what was edited in /etc, by whomever.
 */
export async function checkoutOf(file: string): Promise<string | null> {
  let directory = dirname(await realpath(file));
  for (;;) {
    const isCheckout = (await lstat(join(directory, '.git')).catch(() => null)) !== null;
    if (isCheckout && directory !== '/etc') return directory;
    const parent = dirname(directory);
    if (parent === directory) return null;
    directory = parent;
  }
}
