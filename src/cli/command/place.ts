import { posix, resolve } from 'node:path';
import { isName } from '../../api/name.ts';

/** What a person names as the source or the destination of a copy. */
export type Place =
  | { readonly is: 'stream' }
  | {
      readonly is: 'path';
      /** Null: this host. */
      readonly container: string | null;
      /** Absolute. */
      readonly path: string;
      /** As it was typed. */
      readonly shown: string;
      /** It was said to be a directory. */
      readonly isDirectory: boolean;
    };

/** NAME:PATH, PATH or `-`. A local file with a colon is written `./a:b`. A guest's relative path is from root's home. */
export function parsePlace(shown: string): Place {
  if (shown === '-') return { is: 'stream' };
  const isDirectory = /(?:^|\/)\.{0,2}$/.test(shown.slice(shown.indexOf(':') + 1));
  const [, name, inside] = /^([^/:]+):(.*)$/s.exec(shown) ?? [];
  if (name === undefined || inside === undefined || !isName(name))
    return { is: 'path', container: null, path: resolve(shown), shown, isDirectory };
  const path = inside.startsWith('/') ? inside : `/root/${inside}`;
  return { is: 'path', container: name, path, shown, isDirectory };
}

/** What a copy of it is called; empty for a root. */
export function baseNameOf({ path }: { readonly path: string }): string {
  const name = posix.basename(posix.normalize(path));
  return name === '..' || name === '.' ? '' : name;
}
