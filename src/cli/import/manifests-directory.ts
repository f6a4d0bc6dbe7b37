import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileText } from '../../controller/ports.ts';
import { writeNew } from '../../manifests/new-file.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { readFiles } from '../read-files.ts';

const MANIFEST_FILE = /^[^.].*\.(ya?ml|json)$/;

/** Every manifest file below a directory; none where there is no directory. */
export async function readManifests(directory: string): Promise<readonly FileText[]> {
  let entries: readonly string[];
  try {
    entries = await readdir(directory, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw notWritable(directory, error as NodeJS.ErrnoException);
  }
  const files = entries.filter(entry =>
    entry
      .split('/')
      .every((part, index, parts) =>
        index === parts.length - 1 ? MANIFEST_FILE.test(part) : !part.startsWith('.'),
      ),
  );
  return readFiles(files.sort().map(file => join(directory, file)));
}

/** Never over one that is there. */
export async function addManifest(directory: string, name: string, text: string): Promise<string> {
  const path = join(directory, `${name}.yaml`);
  const isNew = await writeNew(path, text).catch((error: NodeJS.ErrnoException) => {
    throw notWritable(path, error);
  });
  if (!isNew) throw new CliError(EXIT.refused, `${path} exists already`);
  return path;
}

function notWritable(path: string, error: NodeJS.ErrnoException): CliError {
  const isForbidden = error.code === 'EACCES' || error.code === 'EPERM';
  return new CliError(
    isForbidden ? EXIT.notPermitted : EXIT.refused,
    `cannot write ${path}: ${error.message}`,
    isForbidden ? ['run the same command with sudo'] : [],
    { cause: error },
  );
}
