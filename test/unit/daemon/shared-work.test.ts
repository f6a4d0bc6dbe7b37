import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SharedWork } from '../../../src/shared-work.ts';

/** Pieces of work that are done when the test says so; the result is the how-manieth it is. */
function setUp() {
  const shared = new SharedWork<number>();
  const begun: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const run = () =>
    shared.run(
      () =>
        new Promise((resolve, reject) => {
          const number = begun.length;
          begun.push({ resolve: () => resolve(number), reject });
        }),
    );
  return { begun, run };
}

const settled = () => new Promise(resolve => setImmediate(resolve));

describe('shared work', () => {
  it('is done for one who asks alone, each time anew', async () => {
    const { begun, run } = setUp();
    for (const number of [0, 1]) {
      const result = run();
      begun[number]?.resolve();
      assert.equal(await result, number);
    }
  });

  it('gives nobody what was begun before they asked, and all who wait the same', async () => {
    const { begun, run } = setUp();
    const first = run();
    const waiting = [run(), run(), run()];
    await settled();
    assert.equal(begun.length, 1);
    begun[0]?.resolve();
    await settled();
    assert.equal(begun.length, 2);
    const late = run();
    begun[1]?.resolve();
    await settled();
    begun[2]?.resolve();
    assert.deepEqual(await Promise.all([first, ...waiting, late]), [0, 1, 1, 1, 2]);
    assert.equal(begun.length, 3);
  });

  it('fails for those who share it, and is done for the next', async () => {
    const { begun, run } = setUp();
    const first = assert.rejects(run(), /gone/);
    const second = run();
    begun[0]?.reject(new Error('gone'));
    await first;
    await settled();
    begun[1]?.resolve();
    assert.equal(await second, 1);
  });
});
