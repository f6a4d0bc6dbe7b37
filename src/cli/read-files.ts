import { open, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isManifestFile, isPassedOver, MAX_DEPTH } from '../api/manifest-file.ts';
import type { FileText } from '../controller/ports.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';

/** What `-` is called where a file is named. */
export const STDIN_NAME = '<stdin>';

/** As the daemon knows files: one that is in its directory is replaced by it, not doubled. */
export function fullPath(file: string): string {
  return file === STDIN_NAME ? file : resolve(file);
}

/** More than any manifest file may have, so that "too large" is said by whoever judges it. */
const MAX_BYTES = 1024 * 1024 + 1;

/** The texts of files, of all manifests in directories, and of standard input (`-`), in the order given. */
export async function readFiles(paths: readonly string[]): Promise<readonly FileText[]> {
  const files: FileText[] = [];
  for (const path of paths) {
    try {
      for (const file of await expand(path)) files.push({ file, text: await read(file) });
    } catch (error) {
      throw toCliError(path, error as NodeJS.ErrnoException);
    }
  }
  return files;
}

async function expand(path: string): Promise<readonly string[]> {
  if (path === '-') return [STDIN_NAME];
  if (!(await stat(path)).isDirectory()) return [path];
  return await manifestsIn(path, 0);
}

/** As the daemon finds them: in sub-directories, too. */
async function manifestsIn(directory: string, depth: number): Promise<readonly string[]> {
  const found: string[] = [];
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (!entry.isDirectory()) found.push(...(isManifestFile(entry.name) ? [path] : []));
    else if (depth < MAX_DEPTH && !isPassedOver(entry.name))
      found.push(...(await manifestsIn(path, depth + 1)));
  }
  return found;
}

async function read(file: string): Promise<string> {
  if (file === STDIN_NAME) return readStream(process.stdin);
  const handle = await open(file, 'r');
  try {
    return await readStream(handle.createReadStream({ autoClose: false }));
  } finally {
    await handle.close();
  }
}

async function readStream(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toCliError(path: string, error: NodeJS.ErrnoException): CliError {
  const cause = { cause: error };
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new CliError(EXIT.noSuchObject, `no such file: ${path}`, [], cause);
    case 'EACCES':
    case 'EPERM':
      return new CliError(
        EXIT.notPermitted,
        `not permitted to read ${path}`,
        ['run the same command with sudo'],
        cause,
      );
    default:
      return new CliError(EXIT.noSuchObject, `cannot read ${path}: ${error.message}`, [], cause);
  }
}
