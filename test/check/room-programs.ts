import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { PROGRAM } from '../program.ts';
import { repository } from '../testbed/places.ts';

/** Files of tests, by the name of the room they share a process in. */
export type Rooms = readonly (readonly [name: string, files: readonly string[]])[];

/**
 * Makes one program of each room, in `directory`, with all it imports: a process that finds and compiles some hundred files
 * for itself takes seconds of the processor. The paths are in the order of the rooms.
 */
export async function makeRoomPrograms(rooms: Rooms, directory: string): Promise<readonly string[]> {
  const entries = await Promise.all(rooms.map(([room, files]) => writeEntry(directory, room, files)));
  await build({
    absWorkingDir: repository,
    entryPoints: entries,
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[hash]',
    ...PROGRAM,
    splitting: true,
    define: OWN,
    plugins: [ownPlaces],
    sourcemap: true,
    sourcesContent: false,
  });
  return rooms.map(([room]) => join(directory, `${room}.test.mjs`));
}

/** A file that is all tests of a room. */
async function writeEntry(directory: string, room: string, files: readonly string[]): Promise<string> {
  const path = join(directory, `${room}.test.ts`);
  const imports = files.map(file => `import ${JSON.stringify(resolve(repository, file))};\n`);
  await writeFile(path, imports.join(''));
  return path;
}

/** What a file finds by its own place, it finds from within a program that lies elsewhere. */
const ownPlaces: Plugin = {
  name: 'own-places',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\.[mc]?[jt]s$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (!text.includes('import.meta.')) return null;
      // In its first line, so that the others stay where they are.
      const places = `const ownUrl = ${JSON.stringify(pathToFileURL(path).href)}, ownDirectory = ${JSON.stringify(dirname(path))};`;
      return { contents: `${places} ${text}`, loader: 'ts' };
    });
    // It looks for its own binary beside itself.
    const { resolve: find } = createRequire(import.meta.url);
    onResolve({ filter: /^esbuild$/ }, ({ path }) => ({ path: find(path), external: true }));
  },
};

/** What the compiler puts for a file's own place, in code and never in a text. */
const OWN = { 'import.meta.url': 'ownUrl', 'import.meta.dirname': 'ownDirectory' };
