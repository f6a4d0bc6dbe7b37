// What is in the bundles is other people's, too, and their licences ask for being named.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** The text of Debian's `copyright`: our licence, and that of each package any of the files came from. */
export async function copyrightOf(inputs) {
  const directories = new Set(inputs.flatMap(path => directoryOf(path) ?? []));
  const packages = await Promise.all([...directories].sort().map(describe));
  const byTitle = new Map(packages.map(({ title, text }) => [title, text]));
  const own = await readFile(join(repository, 'LICENSE'), 'utf8');
  const others = [...byTitle]
    .sort()
    .map(([title, text]) => `${title}\n${'-'.repeat(title.length)}\n\n${text}\n`);
  const head = ['nspawnd', '=======', '', own.trimEnd(), '', '', 'In the programs are also:', '', ''];
  return `${head.join('\n')}${others.join('\n\n')}`;
}

/** The innermost package a file is in: `.../node_modules/name` or `.../node_modules/@scope/name`. */
function directoryOf(path) {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];
}

async function describe(directory) {
  const { name, version, license, author } = JSON.parse(
    await readFile(join(directory, 'package.json'), 'utf8'),
  );
  const file = (await readdir(directory)).sort().find(entry => /^licen[cs]e(\.|$)/i.test(entry));
  const by = typeof author === 'string' ? author : (author?.name ?? 'its authors');
  const text =
    file === undefined
      ? `${license}. By ${by}.`
      : (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n').trimEnd();
  return { title: `${name} ${version} (${license})`, text };
}
