// Builds what is installed, in dist/:
//
//   nspawnd.mjs            the daemon: what starts it; nspawnd.cjs, all the rest of it
//   nspawnctl.mjs          what every command needs; nspawnctl/ what only some do: reading all of it would be most of what
//                          a command takes
//   nspawnctl.sh           what is installed as /usr/bin/nspawnctl, before nspawnctl.mjs
//   container.schema.json, completion.*    what editors need to know of manifests, and shells of the command
//   root/                  all that is installed, where it goes: what the Debian package has and install.sh copies
//
// Each is written aside and renamed, so that a reader never sees half of one. A failure ends with exit status 1.
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { copyrightOf } from './copyright.mjs';
import { stage } from './stage.mjs';

const repository = fileURLToPath(new URL('..', import.meta.url));

const dist = join(repository, 'dist');

// dbus-next asks for these two only for transports nspawnd has no use for.
const neverLoaded = ['x11', 'usocket'];

/** zod brings its messages in fifty languages, and English by another way. */
const withoutTranslations = {
  name: 'without-translations',
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
  },
};

// Some dependencies are CommonJS and call require() at run time; an ES module has none unless it is made. The command's ask
// only for what is in Node, and node:module takes time to load.
const requireOfModule = [
  "import { createRequire as createRequireForBundle } from 'node:module';",
  'const require = createRequireForBundle(import.meta.url);',
];
const requireOfCommand = ['const require = name => process.getBuiltinModule(name);'];
const banner = require => ({ js: ['#!/usr/bin/env node', ...require].join('\n') });

const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
/** Chunks of this build. */
const written = new Set();
const building = join(dist, `.building.${process.pid}`);
try {
  const [daemon, loader, command] = await Promise.all([
    bundle('nspawnd', 'src/main.ts', {
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      banner: {},
      // Only from its sources does it ask where it is.
      logOverride: { 'empty-import-meta': 'silent' },
    }),
    bundle('nspawnd', 'src/loader.ts', {}),
    bundle('nspawnctl', 'src/cli/main.ts', {
      banner: banner(requireOfCommand),
      splitting: true,
      chunkNames: 'nspawnctl/[name]-[hash]',
    }),
    bundle('manual', 'deploy/manual/main.ts', { banner: banner(requireOfModule) }),
  ]);
  await promisify(execFile)(process.execPath, [join(building, 'manual.mjs'), join(building, 'manual')]);
  await putChunks();
  for (const name of ['nspawnd.mjs', 'nspawnctl.mjs']) await chmod(join(building, name), 0o755);
  for (const name of ['nspawnd.cjs', 'nspawnd.mjs', 'nspawnctl.mjs']) await put(name);
  await removeOldChunks();
  await writeWith(['schema'], 'container.schema.json');
  for (const shell of ['bash', 'zsh', 'fish']) await writeWith(['completion', shell], `completion.${shell}`);
  await writeFront();
  await stage(join(building, 'root'), {
    dist,
    manual: join(building, 'manual'),
    copyright: await copyrightOf([...inputsOf(daemon), ...inputsOf(loader), ...inputsOf(command)]),
  });
  await replace('root');
} catch (error) {
  // esbuild itself prints what is wrong, with its place.
  if (error.errors === undefined) console.error(error);
  process.exitCode = 1;
} finally {
  await rm(building, { recursive: true, force: true });
}

async function bundle(name, entryPoint, more) {
  const result = await build({
    absWorkingDir: repository,
    entryPoints: { [name]: entryPoint },
    outdir: building,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: neverLoaded,
    define: { NSPAWND_VERSION: JSON.stringify(version) },
    banner: banner([]),
    legalComments: 'none',
    // What is in a file is in memory as long as the program runs, and one letter that is not Latin doubles it: comments go.
    // Names and short lines stay, so that a stack trace can be read.
    minifyWhitespace: true,
    lineLimit: 160,
    plugins: [withoutTranslations],
    logLevel: 'warning',
    metafile: true,
    ...more,
  });
  return result.metafile;
}

function inputsOf(metafile) {
  return Object.keys(metafile.inputs).map(path => join(repository, path));
}

async function put(name) {
  await rename(join(building, name), join(dist, name));
}

/** A directory cannot be renamed over another one. */
async function replace(name) {
  const old = join(building, 'old');
  await rename(join(dist, name), old).catch(() => undefined);
  await put(name);
}

/** Their names are their contents' hashes: one that is there already is the same. */
async function putChunks() {
  await mkdir(join(dist, 'nspawnctl'), { recursive: true });
  for (const name of await readdir(join(building, 'nspawnctl'))) {
    written.add(name);
    await put(`nspawnctl/${name}`);
  }
}

async function removeOldChunks() {
  const old = (await readdir(join(dist, 'nspawnctl'))).filter(name => !written.has(name));
  for (const name of old) await rm(join(dist, 'nspawnctl', name), { force: true });
}

/** What the command that was just built prints, as a file of dist. */
async function writeWith(args, name) {
  await writeFile(join(building, name), await printedBy(args));
  await put(name);
}

async function printedBy(args) {
  const program = join(dist, 'nspawnctl.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args]);
  return stdout;
}

/** The front has to know which commands take names. */
async function writeFront() {
  let front = await readFile(join(repository, 'deploy/nspawnctl.sh'), 'utf8');
  for (const count of ['one', 'many']) {
    const takers = (await printedBy(['__takers', count])).trim();
    if (!/^[a-z -]+$/.test(takers)) throw new Error(`not names of commands: ${takers}`);
    front = front.replace(`qw(${count.toUpperCase()})`, `qw(${takers})`);
  }
  await writeFile(join(building, 'nspawnctl.sh'), front, { mode: 0o755 });
  await put('nspawnctl.sh');
}
