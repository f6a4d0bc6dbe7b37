import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';

/** The first directory of $PATH, and then of `more`, that has this program; null: none has. */
export async function directoryOf(program: string, more: readonly string[] = []): Promise<string | null> {
  for (const directory of new Set([...(process.env.PATH ?? '').split(':'), ...more])) {
    if (directory.startsWith('/') && (await isExecutable(join(directory, program)))) return directory;
  }
  return null;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
