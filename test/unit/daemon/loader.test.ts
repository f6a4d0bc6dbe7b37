import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { PROGRAM } from '../../program.ts';

suite('loader', () => {
  const top = mkdtempSync(join(tmpdir(), 'nspawnd-loader-'));
  const cache = join(top, 'cache');
  const code = join(cache, 'program-code');
  after(() => rmSync(top, { recursive: true }));
  const built = build({
    entryPoints: [fileURLToPath(new URL('../../../src/loader.ts', import.meta.url))],
    outfile: join(top, 'nspawnd.mjs'),
    ...PROGRAM,
    logLevel: 'error',
  });

  beforeEach(async () => {
    await built;
    rmSync(cache, { recursive: true, force: true });
    program('one');
  });

  /** It says what it was told to say, and asks for its code to be kept. */
  function program(says: string): void {
    const keeping = "keep(process.env.HAS_WORKED === 'yes')";
    const text = `exports.run = async keep => { console.log(require('node:path').basename('/${says}')); await ${keeping}; };`;
    writeFileSync(join(top, 'nspawnd.cjs'), text);
  }

  function run(hasWorked = true): string {
    const env = { ...process.env, CACHE_DIRECTORY: cache, HAS_WORKED: hasWorked ? 'yes' : 'no' };
    return execFileSync(process.execPath, [join(top, 'nspawnd.mjs')], { env, encoding: 'utf8' }).trim();
  }

  /** Whether the kept code is another file after a run: this one was not used, or is not good enough. */
  function isMadeAnew(hasWorked = true): boolean {
    const before = statSync(code).ino;
    run(hasWorked);
    return statSync(code).ino !== before;
  }

  test('keeps the code for its owner alone, and uses it from then on', () => {
    assert.equal(run(), 'one');
    assert.equal(statSync(code).mode & 0o777, 0o600);
    assert.equal(statSync(cache).mode & 0o777, 0o700);
    assert.equal(isMadeAnew(), false);
    assert.equal(run(), 'one');
  });

  test('code of a program that has only begun gives way to that of one that has worked, and not the other way', () => {
    run(false);
    assert.equal(isMadeAnew(false), false);
    assert.equal(isMadeAnew(true), true);
    assert.equal(isMadeAnew(true), false);
    assert.equal(isMadeAnew(false), false);
  });

  test('another program of the same length, which V8 would not notice, is another program', () => {
    run();
    program('two');
    assert.equal(run(), 'two');
    assert.equal(isMadeAnew(), false);
  });

  test('code that is damaged, cut off, or that others can write to is not run', () => {
    run();
    const good = readFileSync(code);
    const flipped = Buffer.from(good);
    flipped.writeUInt8(flipped.readUInt8(good.length - 9) ^ 1, good.length - 9);
    for (const bad of [flipped, good.subarray(0, good.length - 1), good.subarray(0, 40), Buffer.alloc(0)]) {
      writeFileSync(code, bad);
      assert.equal(isMadeAnew(), true);
      assert.deepEqual(readFileSync(code).length, good.length);
    }
    chmodSync(code, 0o620);
    assert.equal(isMadeAnew(), true);
  });

  test('where nothing can be kept it runs all the same', () => {
    writeFileSync(cache, '');
    assert.equal(run(), 'one');
  });
});
