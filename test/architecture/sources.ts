import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Path below the repository -> text. */
export type Sources = Readonly<Record<string, string>>;

export interface Import {
  /** `node:fs`, `zod`, or a path below the repository such as `src/errors.ts`. */
  readonly target: string;
  /** Nothing of it is left at run time. */
  readonly isType: boolean;
}

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The repository's files, also those not committed yet, but not what git ignores. */
export function repositoryFiles(...paths: readonly string[]): Sources {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', ...paths];
  const files = execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).split('\0').filter(Boolean);
  return Object.fromEntries(files.flatMap(file => readIfExists(file)));
}

export function importsOf(file: string, text: string): readonly Import[] {
  const found = [...text.matchAll(STATEMENT), ...text.matchAll(DYNAMIC)];
  return found.map(({ groups }) => ({
    target: resolve(file, groups?.target ?? ''),
    isType: groups?.type !== undefined,
  }));
}

/** The room a file of `src` is in: its directory, or the file itself where it lies directly in `src`. */
export function roomOf(path: string): string {
  const [, room = '', ...rest] = path.split('/');
  return rest.length === 0 ? path : room;
}

/** An import or re-export as the formatter writes it. A list of only types written `{ type A }` is none of ours. */
const STATEMENT = /^(?:import|export)\s+(?<type>type\s+)?(?:[^'";=]*?\sfrom\s+)?'(?<target>[^']+)'/gm;
const DYNAMIC = /\b(?:import|require)\(\s*['"`](?<target>[^'"`]+)['"`]/g;

function resolve(file: string, specifier: string): string {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier;
}

/** A file that is deleted but not yet so for git is none. */
function readIfExists(file: string): readonly (readonly [string, string])[] {
  try {
    return [[file, readFileSync(join(repository, file), 'utf8')]];
  } catch {
    return [];
  }
}
