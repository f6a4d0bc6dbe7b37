import { readFileSync } from 'node:fs';

/** Set by the build (esbuild's `define`). */
declare const NSPAWND_VERSION: string | undefined;

/** The version of this program; from the sources, that of the repository's package.json. */
export function productVersion(): string {
  if (typeof NSPAWND_VERSION === 'string') return NSPAWND_VERSION;
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
