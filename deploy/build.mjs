// Bundles the daemon and the command into one executable file each: dist/nspawnd.mjs and dist/nspawnctl.mjs. The command
// then writes what editors need to know of manifests, and shells of itself: dist/container.schema.json, dist/completion.*.
// Each is written aside and renamed, so that a reader never sees half of one. A failure ends with exit status 1.
import { execFile } from 'node:child_process';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const repository = fileURLToPath(new URL('..', import.meta.url));

const entryPoints = { nspawnd: 'src/main.ts', nspawnctl: 'src/cli/main.ts' };

// dbus-next asks for these two only for transports nspawnd has no use for.
const neverLoaded = ['x11', 'usocket'];

// Some dependencies are CommonJS and call require() at run time; an ES module has none unless it is made.
const banner = [
  '#!/usr/bin/env node',
  "import { createRequire as createRequireForBundle } from 'node:module';",
  'const require = createRequireForBundle(import.meta.url);',
].join('\n');

const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
const outcomes = await Promise.all(Object.keys(entryPoints).map(bundle));
if (outcomes.every(Boolean)) {
  await writeWith(['schema'], 'container.schema.json');
  for (const shell of ['bash', 'zsh', 'fish']) await writeWith(['completion', shell], `completion.${shell}`);
} else process.exitCode = 1;

async function bundle(name) {
  const finished = join(repository, 'dist', `${name}.mjs`);
  const aside = `${finished}.${process.pid}`;
  try {
    await build({
      absWorkingDir: repository,
      entryPoints: [entryPoints[name]],
      outfile: aside,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      external: neverLoaded,
      define: { NSPAWND_VERSION: JSON.stringify(version) },
      banner: { js: banner },
      legalComments: 'none',
      logLevel: 'warning', // esbuild itself prints what is wrong, with its place
    });
  } catch {
    await rm(aside, { force: true });
    return false;
  }
  await chmod(aside, 0o755);
  await rename(aside, finished);
  return true;
}

/** What the command that was just built prints, as a file of dist. */
async function writeWith(args, name) {
  const program = join(repository, 'dist/nspawnctl.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
  const finished = join(repository, 'dist', name);
  const aside = `${finished}.${process.pid}`;
  await writeFile(aside, stdout);
  await rename(aside, finished);
}
