// Makes the Debian package of what build.mjs has put into dist/root: dist/nspawnd_VERSION_all.deb, or the file that is named.
//
//   node deploy/package.mjs [FILE]
//
// The same sources make the same bytes: times are SOURCE_DATE_EPOCH, else those of the last commit. Prints the file's path.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  cp,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repository = fileURLToPath(new URL('..', import.meta.url));
const debian = join(repository, 'deploy/debian');
const run = promisify(execFile);

const { version, description } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
const file = resolve(process.argv[2] ?? join(repository, `dist/nspawnd_${version}_all.deb`));
await mkdir(dirname(file), { recursive: true });
const building = await mkdtemp(join(dirname(file), '.package.'));
try {
  const tree = join(building, 'tree');
  await cp(join(repository, 'dist/root'), tree, { recursive: true, verbatimSymlinks: true });
  await chmod(tree, 0o755);
  await writeControl(tree);
  const epoch = await sourceDate();
  for (const path of await allBelow(tree)) await lutimes(path, epoch, epoch);
  const made = join(building, basename(file));
  await run('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', tree, made], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
  });
  await rename(made, file);
  console.log(file);
} finally {
  await rm(building, { recursive: true, force: true });
}

async function writeControl(tree) {
  const paths = [];
  for (const path of await allBelow(tree)) if ((await lstat(path)).isFile()) paths.push(path);
  const sizes = await Promise.all(paths.map(async path => (await lstat(path)).size));
  const kilobytes = Math.ceil(sizes.reduce((sum, size) => sum + size, 0) / 1024);
  const control = (await readFile(join(debian, 'control'), 'utf8'))
    .replace('@VERSION@', version)
    .replace('@SIZE@', String(kilobytes))
    .replace('@SUMMARY@', description.replace(/\.$/, '').replace(/^A /, ''));
  const conffiles = paths.map(path => `/${relative(tree, path)}`).filter(path => path.startsWith('/etc/'));
  const sums = await Promise.all(
    paths.map(async path => {
      const sum = createHash('md5')
        .update(await readFile(path))
        .digest('hex');
      return `${sum}  ${relative(tree, path)}`;
    }),
  );
  await mkdir(join(tree, 'DEBIAN'), { mode: 0o755 });
  await put('control', control);
  await put('conffiles', `${conffiles.join('\n')}\n`);
  await put('md5sums', `${sums.filter(line => !line.includes('  etc/')).join('\n')}\n`);
  for (const script of ['preinst', 'postinst', 'prerm', 'postrm'])
    await put(script, await readFile(join(debian, script), 'utf8'), 0o755);

  async function put(name, text, mode = 0o644) {
    await writeFile(join(tree, 'DEBIAN', name), text);
    await chmod(join(tree, 'DEBIAN', name), mode);
  }
}

/** Seconds since 1970. */
async function sourceDate() {
  if (/^\d+$/.test(process.env.SOURCE_DATE_EPOCH ?? '')) return Number(process.env.SOURCE_DATE_EPOCH);
  const commit = await run('git', ['-C', repository, 'log', '-1', '--format=%ct']).catch(() => ({
    stdout: '',
  }));
  // Not a checkout: any time does, as long as it is the same.
  return Number(commit.stdout.trim()) || 1_767_225_600;
}

/** Sorted, with the directory itself; what is in a directory before the directory, whose time it would change. */
async function allBelow(directory) {
  const entries = (await readdir(directory, { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const below = [];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    below.push(...(entry.isDirectory() ? await allBelow(path) : [path]));
  }
  return [...below, directory];
}
