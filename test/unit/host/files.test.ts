import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  exists,
  listDirectory,
  lstatIfExists,
  makeDirectoryFor,
  readFileIfExists,
  removeFile,
  removeWrittenAside,
  writeFileAtomically,
} from '../../../src/host/files.ts';
import { scratch } from './scratch.ts';

describe('reading', () => {
  test('finds the text of a file, and nothing where there is none', async context => {
    const directory = await scratch(context);
    await writeFile(join(directory, 'file'), 'text');
    assert.equal(await readFileIfExists(join(directory, 'file')), 'text');
    assert.equal(await readFileIfExists(join(directory, 'none')), null);
    assert.equal(await readFileIfExists(join(directory, 'file/below')), null);
  });
  test('follows no symlink', async context => {
    const directory = await scratch(context);
    await symlink('/etc/passwd', join(directory, 'link'));
    assert.equal(await readFileIfExists(join(directory, 'link')), null);
  });
  test('does not wait for the writer of a FIFO, and reads no directory', async context => {
    const directory = await scratch(context);
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    assert.equal(await readFileIfExists(join(directory, 'fifo')), null);
    assert.equal(await readFileIfExists(directory), null);
  });
  test('is the same for files of the kernel, which are read at once', async () => {
    assert.match((await readFileIfExists('/proc/self/status')) ?? '', /^Name:/);
    assert.equal(await readFileIfExists('/proc/self/status', 10), null);
    for (const path of ['/proc/self/none', '/proc/self/status/below', '/proc/self/exe', '/proc/self'])
      assert.equal(await readFileIfExists(path), null, path);
    assert.equal(await exists('/proc/self/none'), false);
    assert.equal(await exists('/proc/self/exe'), true);
    assert.ok((await listDirectory('/proc/self')).includes('status'));
    assert.deepEqual(await listDirectory('/proc/self/none'), []);
  });
  test('is bounded', async context => {
    const path = join(await scratch(context), 'file');
    await writeFile(path, 'x'.repeat(100));
    assert.equal((await readFileIfExists(path, 100))?.length, 100);
    assert.equal(await readFileIfExists(path, 99), null);
  });
});

describe('writing', () => {
  test('replaces the text, with the mode asked for, and leaves nothing beside it', async context => {
    const directory = await scratch(context);
    await writeFileAtomically(join(directory, 'file'), 'one', 0o600);
    await writeFileAtomically(join(directory, 'file'), 'two', 0o600);
    assert.equal(await readFile(join(directory, 'file'), 'utf8'), 'two');
    assert.equal((await stat(join(directory, 'file'))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory), ['file']);
  });
  test('that fails half-way leaves nothing beside it', async context => {
    const directory = await scratch(context);
    await writeFileAtomically(join(directory, 'file'), 'one');
    // What cannot be written, as on a disk that is full.
    await assert.rejects(writeFileAtomically(join(directory, 'file'), {} as string));
    assert.deepEqual(await readdir(directory), ['file']);
    assert.equal(await readFile(join(directory, 'file'), 'utf8'), 'one');
  });
  test('replaces a symlink and not what it leads to', async context => {
    const directory = await scratch(context);
    await writeFile(join(directory, 'precious'), 'kept');
    await symlink('precious', join(directory, 'link'));
    await writeFileAtomically(join(directory, 'link'), 'new');
    assert.equal(await readFile(join(directory, 'precious'), 'utf8'), 'kept');
    assert.equal(await readFile(join(directory, 'link'), 'utf8'), 'new');
  });
  test('that fails leaves nothing beside it', async context => {
    const directory = await scratch(context);
    await mkdir(join(directory, 'taken'));
    await assert.rejects(writeFileAtomically(join(directory, 'taken'), 'text'));
    assert.deepEqual(await readdir(directory), ['taken']);
  });
  test('by many at once ends with the text of one of them', async context => {
    const path = join(await scratch(context), 'file');
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(1000));
    await Promise.all(texts.map(text => writeFileAtomically(path, text)));
    assert.ok(texts.includes(await readFile(path, 'utf8')));
  });
});

test('removing what is gone is success', async context => {
  const path = join(await scratch(context), 'file');
  await writeFile(path, '');
  await removeFile(path);
  await removeFile(path);
  assert.equal(await exists(path), false);
});

test('a dangling symlink exists', async context => {
  const path = join(await scratch(context), 'link');
  await symlink('nowhere', path);
  assert.equal(await exists(path), true);
  assert.equal((await lstatIfExists(path))?.isSymbolicLink(), true);
});

test('a directory that is not there is empty, and is made when something goes into it', async context => {
  const path = join(await scratch(context), 'a/b/file');
  assert.deepEqual(await listDirectory(join(path, '..')), []);
  await makeDirectoryFor(path);
  await makeDirectoryFor(path);
  await writeFile(path, '');
  assert.deepEqual(await listDirectory(join(path, '..')), ['file']);
});

test('what a killed nspawnd had written aside is removed, and nothing else', async context => {
  const directory = await scratch(context);
  const others = ['container@web.service', 'container@web.service.tmp', 'notes.1.tmp', '1.2.tmp.yaml'];
  for (const name of [...others, 'container@web.service.88.1.tmp'])
    await writeFile(join(directory, name), '');
  await mkdir(join(directory, 'sub.1.2.dir'));
  await removeWrittenAside(directory);
  assert.deepEqual((await readdir(directory)).sort(), [...others, 'sub.1.2.dir'].sort());
  await removeWrittenAside(join(directory, 'nowhere'));
});
