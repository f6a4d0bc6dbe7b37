// Bundles the daemon and the command into one executable file each: dist/nspawnd.mjs and dist/nspawnctl.mjs.
// Each is written aside and renamed, so that a reader never sees half of one. A failure ends with a non-zero exit.
import { chmod, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const repository = fileURLToPath(new URL('..', import.meta.url));

const entryPoints = { nspawnd: 'src/main.ts', nspawnctl: 'src/cli/main.ts' };

// Some dependencies are CommonJS and call require() at run time; an ES module has none unless it is made.
const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as createRequireForBundle } from 'node:module';",
  'const require = createRequireForBundle(import.meta.url);',
].join('\n');

for (const [name, entryPoint] of Object.entries(entryPoints)) {
  const finished = join(repository, 'dist', `${name}.mjs`);
  const aside = `${finished}.${process.pid}`;
  await build({
    absWorkingDir: repository,
    entryPoints: [entryPoint],
    outfile: aside,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: banner },
    legalComments: 'none',
    logLevel: 'warning',
  });
  await chmod(aside, 0o755);
  await rename(aside, finished);
}
