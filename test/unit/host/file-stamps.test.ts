import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { DirectoryStamps, ReadOnce, stampOf } from '../../../src/host/file-stamps.ts';
import { eventually } from '../../testbed/eventually.ts';
import { scratch } from './scratch.ts';

/** A directory with one file. */
async function place(context: TestContext) {
  const directory = join(await scratch(context), 'records');
  const file = join(directory, 'web');
  /** Until its stamp is old enough to be believed. */
  const settle = () =>
    eventually(() => Date.now() - lstatSync(directory).ctimeMs > 100, { everyMs: 10, timeoutMs: 5000 });
  const make = () => {
    mkdirSync(directory);
    writeFileSync(file, 'one');
  };
  const replace = (text: string) => {
    writeFileSync(`${directory}/.new`, text);
    renameSync(`${directory}/.new`, file);
  };
  make();
  return { directory, file, make, settle, replace, stamps: new DirectoryStamps(directory) };
}

suite('stamps of the files of a directory', () => {
  test('are those of the files, and none where there is no file', async context => {
    const { file, stamps } = await place(context);
    stamps.look();
    assert.equal(stamps.of('web'), stampOf(file));
    assert.equal(stamps.of('none'), '');
  });

  test('are not asked for again while nothing came or went', async context => {
    const { file, settle, stamps } = await place(context);
    await settle();
    stamps.look();
    const before = stamps.of('web');
    // As nobody does here; it shows who was asked.
    writeFileSync(file, 'in place');
    stamps.look();
    assert.equal(stamps.of('web'), before);
    assert.notEqual(stampOf(file), before);
  });

  test('are other ones when a file is replaced, goes or comes', async context => {
    const { file, settle, replace, stamps } = await place(context);
    await settle();
    stamps.look();
    const before = stamps.of('web');
    replace('two');
    await settle();
    stamps.look();
    assert.equal(stamps.of('web'), stampOf(file));
    assert.notEqual(stamps.of('web'), before);
    rmSync(file);
    await settle();
    stamps.look();
    assert.equal(stamps.of('web'), '');
    writeFileSync(file, 'back');
    await settle();
    stamps.look();
    assert.equal(stamps.of('web'), stampOf(file));
  });

  test('are right however fast one change follows another, when all of them have one time', async context => {
    const { file, replace, stamps } = await place(context);
    // Since Linux 6.13 each that is looked at has a time of its own; before, those of some milliseconds share one.
    for (let count = 0; count < 500; count++) {
      replace(String(count));
      stamps.look();
      assert.equal(stamps.of('web'), stampOf(file));
      replace(`${count} again`);
      stamps.look();
      assert.equal(stamps.of('web'), stampOf(file), `change ${count}`);
    }
  });

  test('of a directory that is not there are none, until it is', async context => {
    const { directory, file, make, stamps } = await place(context);
    rmSync(directory, { recursive: true });
    stamps.look();
    assert.equal(stamps.of('web'), '');
    make();
    stamps.look();
    assert.equal(stamps.of('web'), stampOf(file));
  });
});

suite('a file that is read again and again', () => {
  async function reading(context: TestContext) {
    const directory = await scratch(context);
    const paths = ['a', 'b'].map(name => join(directory, name));
    const read: string[] = [];
    const files = new ReadOnce(async path => {
      read.push(path);
      return existsSync(path) ? readFileSync(path, 'utf8') : 'none';
    });
    const [a = '', b = ''] = paths;
    for (const path of paths) writeFileSync(path, 'one');
    /** Until their stamps are old enough to be believed. */
    const settle = () =>
      eventually(
        async () => {
          read.length = 0;
          await files.all(paths);
          return read.length === 0;
        },
        { everyMs: 10, timeoutMs: 5000 },
      );
    return { paths, a, b, read, files, settle };
  }

  test('is not, while nobody writes it', async context => {
    const { paths, read, files, settle } = await reading(context);
    await settle();
    assert.deepEqual(await files.all(paths), ['one', 'one']);
    assert.deepEqual(read, []);
  });

  test('is, as long as another change may hide behind the same time', async context => {
    const { a, paths, files } = await reading(context);
    for (const text of ['two', 'six', 'ten']) {
      writeFileSync(a, text);
      assert.deepEqual(await files.all(paths), [text, 'one']);
    }
  });

  test('is when it was written in place, replaced or removed', async context => {
    const { a, b, paths, read, files, settle } = await reading(context);
    await settle();
    writeFileSync(a, 'two');
    assert.deepEqual(await files.all(paths), ['two', 'one']);
    assert.deepEqual(read, [a]);
    await settle();
    writeFileSync(`${b}.new`, 'two');
    renameSync(`${b}.new`, b);
    assert.deepEqual(await files.all(paths), ['two', 'two']);
    await settle();
    rmSync(b);
    assert.deepEqual(await files.all(paths), ['two', 'none']);
  });

  test('is forgotten when it is not asked for', async context => {
    const { a, paths, read, files, settle } = await reading(context);
    await settle();
    await files.all([a]);
    await files.all(paths);
    assert.equal(read.length, 1);
  });
});
