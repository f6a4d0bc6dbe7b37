import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ScanLoop } from '../../../src/manifests/scan-loop.ts';
import { SkippingClock } from './skipping-clock.ts';

/** A loop whose scans end when told to. */
function openLoop() {
  const clock = new SkippingClock();
  const ends: (() => void)[] = [];
  let count = 0;
  const loop = new ScanLoop<number>(
    () =>
      new Promise(resolve => {
        const number = ++count;
        ends.push(() => resolve(number));
      }),
    clock,
    error => assert.fail(String(error)),
  );
  const end = async () => {
    ends.shift()?.();
    await new Promise(resolve => setImmediate(resolve));
  };
  return { clock, loop, end, begun: () => count };
}

suite('the scan loop', () => {
  test('scans at once on a wake-up', () => {
    const { loop, begun } = openLoop();
    loop.wake();
    assert.equal(begun(), 1);
  });

  test('runs one more scan for all requests that come during one, and each gets its result', async () => {
    const { loop, end, begun } = openLoop();
    const first = loop.request();
    const later = [loop.request(), loop.request()];
    assert.equal(begun(), 1);
    await end();
    assert.equal(begun(), 2);
    await end();
    assert.deepEqual(await Promise.all([first, ...later]), [1, 2, 2]);
    assert.equal(begun(), 2);
  });

  test('forgets no wake-up that comes during a scan', async () => {
    const { clock, loop, end, begun } = openLoop();
    loop.wake();
    loop.wake();
    loop.wake();
    assert.equal(begun(), 1);
    await end();
    clock.skip(1_000);
    assert.equal(begun(), 2);
    await end();
    clock.skip(1_000);
    assert.equal(begun(), 2);
  });

  test('pauses in a storm for as long as a scan took, at most 200 ms', async () => {
    const { clock, loop, end, begun } = openLoop();
    loop.wake();
    clock.skip(60_000);
    loop.wake();
    await end();
    assert.equal(begun(), 1);
    clock.skip(100);
    assert.equal(begun(), 1);
    clock.skip(101);
    assert.equal(begun(), 2);
  });

  test('scans when a time has come, unless something else did before', async () => {
    const { clock, loop, end, begun } = openLoop();
    loop.wakeIn(1_000);
    clock.skip(999);
    assert.equal(begun(), 0);
    loop.wake();
    void loop.request();
    assert.equal(begun(), 1);
    await end();
    await end();
    const before = begun();
    clock.skip(10_000);
    assert.equal(begun(), before);
  });

  test('starts nothing after its end', async () => {
    const { clock, loop, begun } = openLoop();
    loop.wakeIn(10);
    await loop.close();
    loop.wake();
    clock.skip(1_000);
    assert.equal(begun(), 0);
  });
});
