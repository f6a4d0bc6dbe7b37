import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { DirectoryStamps, stampOf } from '../../../src/host/file-stamps.ts';
import { scratch } from './scratch.ts';

/** A directory with one file, both of them a minute old. */
async function place(context: TestContext) {
  const directory = join(await scratch(context), 'records');
  const file = join(directory, 'web');
  const settle = () => utimesSync(directory, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
  const make = () => {
    mkdirSync(directory);
    writeFileSync(file, 'one');
    settle();
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
    const { file, stamps } = await place(context);
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
    stamps.look();
    const before = stamps.of('web');
    replace('two');
    settle();
    stamps.look();
    assert.equal(stamps.of('web'), stampOf(file));
    assert.notEqual(stamps.of('web'), before);
    rmSync(file);
    settle();
    stamps.look();
    assert.equal(stamps.of('web'), '');
    writeFileSync(file, 'back');
    settle();
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
