import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileText } from '../../controller/ports.ts';
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

/** Writes a new file whole or not at all, and never over one that is there; private, since an environment may hold secrets. */
export async function addManifest(directory: string, name: string, text: string): Promise<string> {
  const path = join(directory, `${name}.yaml`);
  const aside = join(directory, `.${name}.yaml.${process.pid}.new`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 });
    const file = await open(aside, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(aside, path);
  } catch (error) {
    throw notWritable(path, error as NodeJS.ErrnoException);
  } finally {
    await unlink(aside).catch(() => undefined);
  }
  return path;
}

function notWritable(path: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === 'EEXIST') return new CliError(EXIT.refused, `${path} exists already`);
  const isForbidden = error.code === 'EACCES' || error.code === 'EPERM';
  return new CliError(
    isForbidden ? EXIT.notPermitted : EXIT.refused,
    `cannot write ${path}: ${error.message}`,
    isForbidden ? ['run the same command with sudo'] : [],
    { cause: error },
  );
}
