import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { WorkQueue } from '../../../src/controller/work-queue.ts';

/** A queue whose work goes on until it is told to end, and which is watched for its invariants. */
class Watched {
  readonly queue: WorkQueue;
  /** Keys worked on, with what ends each. */
  readonly working = new Map<string, () => void>();
  readonly starts: string[] = [];
  /** Keys that were added and have not been begun since. */
  readonly owed = new Set<string>();
  readonly #concurrency: number;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
    this.queue = new WorkQueue(concurrency, key => {
      assert.ok(!this.working.has(key), `${key} is worked on twice at once`);
      assert.ok(this.working.size < concurrency, 'no more at once than asked for');
      assert.ok(this.owed.delete(key), `${key} is worked on though nobody added it`);
      this.starts.push(key);
      return new Promise(resolve => {
        this.working.set(key, () => {
          this.working.delete(key);
          resolve();
        });
      });
    });
  }

  add(key: string): void {
    this.owed.add(key);
    this.queue.add(key);
  }

  addWithin(key: string, delayMs: number): void {
    this.owed.add(key);
    this.queue.addWithin(key, delayMs);
  }

  async end(key: string): Promise<void> {
    this.working.get(key)?.();
    await this.rest();
  }

  async rest(): Promise<void> {
    await nextTurn();
    await nextTurn();
    const isIdle = this.working.size < this.#concurrency;
    const waiting = [...this.owed].filter(key => !this.working.has(key));
    assert.ok(!isIdle || waiting.length === 0, `${waiting.join()} waits though a worker is free`);
  }
}

/** What was begun, in order, after these words: `a` adds a, `-a` ends the work on a. */
async function check(words: string, expected: string, concurrency = 2): Promise<void> {
  const watched = new Watched(concurrency);
  for (const word of words.split(' ')) {
    if (word.startsWith('-')) await watched.end(word.slice(1));
    else watched.add(word);
  }
  await watched.rest();
  assert.equal(watched.starts.join(' '), expected);
}

test('a key that is added is worked on', () => check('a', 'a'));

describe('a key', () => {
  test('that is added while it waits is worked on once', () => check('a b c c c -a', 'a b c'));
  test('that is added while it is worked on is worked on exactly once more', () => {
    return check('a -x a a a -a', 'a a');
  });
  test('is not worked on twice at once though a worker is free', () => check('a -x a', 'a'));
  test('that is added again and again does not keep others from their turn', () => {
    return check('a -x a b -a a -b -a', 'a b a', 1);
  });
});

test('others are worked on while one takes its time', () => check('slow a -a b -b c', 'slow a b c'));

test('of those that wait the first in order is begun first, and among equals the one that came first', async () => {
  const orders: Readonly<Record<string, number>> = { high: 2, mid: 1 };
  const begun: string[] = [];
  const queue = new WorkQueue(
    1,
    async key => void begun.push(key),
    null,
    key => orders[key] ?? 0,
  );
  queue.addAll(['a', 'b', 'mid', 'c', 'high']);
  await nextTurn();
  assert.deepEqual(begun, ['high', 'mid', 'a', 'b', 'c']);
  queue.add('a');
  queue.add('b');
  queue.add('high');
  await nextTurn();
  assert.deepEqual(begun.slice(5), ['a', 'high', 'b'], 'the first had begun');
});

test('its invariants hold whatever the order of adds and ends', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const action = fc.record({ what: fc.constantFrom('add', 'end', 'rest'), key });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.array(action, { maxLength: 30 }),
      async (concurrency, actions) => {
        const watched = new Watched(concurrency);
        for (const { what, key } of actions) {
          if (what === 'add') watched.add(key);
          else if (what === 'end') await watched.end(key);
          else await watched.rest();
        }
        while (watched.owed.size > 0 || watched.working.size > 0) {
          for (const busy of [...watched.working.keys()]) await watched.end(busy);
          await watched.rest();
        }
      },
    ),
    { numRuns: 60 },
  );
});

describe('a key that comes back after a while', () => {
  test('comes back once, at the earliest time', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const begun: string[] = [];
    const queue = new WorkQueue(1, async key => void begun.push(key));
    queue.addAfter('a', 5000);
    queue.addAfter('a', 1000);
    queue.addAfter('a', 9000);
    t.mock.timers.tick(999);
    assert.deepEqual(begun, []);
    t.mock.timers.tick(1);
    t.mock.timers.tick(100_000);
    return nextTurn().then(() => assert.deepEqual(begun, ['a']));
  });
  test('comes at once when it is due already', async () => {
    const begun: string[] = [];
    const queue = new WorkQueue(1, async key => void begun.push(key));
    queue.addAfter('a', 0);
    queue.addAfter('b', -5);
    await nextTurn();
    assert.deepEqual(begun, ['a', 'b']);
  });
  test('does not come when it was looked at meanwhile', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const begun: string[] = [];
    const queue = new WorkQueue(1, async key => void begun.push(key));
    queue.addAfter('a', 1000);
    queue.cancelDelayed('a');
    queue.cancelDelayed('never');
    t.mock.timers.tick(5000);
    assert.deepEqual(begun, []);
  });
});

describe('a key of which something is heard that can wait', () => {
  test('is looked at once for all that is heard until then', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const watched = new Watched(1);
    for (const withinMs of [2000, 250, 2000]) watched.addWithin('a', withinMs);
    t.mock.timers.tick(249);
    await nextTurn();
    assert.deepEqual(watched.starts, []);
    t.mock.timers.tick(1);
    t.mock.timers.tick(5000);
    await nextTurn();
    assert.deepEqual(watched.starts, ['a']);
  });
  test('is not looked at again when a look has begun since', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const watched = new Watched(1);
    watched.add('b');
    watched.addWithin('a', 250);
    watched.add('a');
    watched.addWithin('a', 100);
    watched.working.get('b')?.();
    await nextTurn();
    watched.working.get('a')?.();
    t.mock.timers.tick(5000);
    await nextTurn();
    assert.deepEqual(watched.starts, ['b', 'a']);
  });
  test('is not looked at again when one more look has begun in the work on it', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const watched = new Watched(1);
    watched.add('a');
    await nextTurn();
    watched.addWithin('a', 250);
    watched.queue.lookBegins('a');
    watched.working.get('a')?.();
    await nextTurn();
    t.mock.timers.tick(5000);
    await nextTurn();
    assert.deepEqual(watched.starts, ['a']);
  });
  test('is looked at once more when it was heard during a look, also if that look ends before', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const watched = new Watched(1);
    watched.add('a');
    await nextTurn();
    watched.addWithin('a', 250);
    watched.queue.cancelDelayed('a');
    watched.working.get('a')?.();
    await nextTurn();
    t.mock.timers.tick(250);
    await nextTurn();
    assert.deepEqual(watched.starts, ['a', 'a']);
  });
});

test('a stopped queue takes nothing more and waits for what is being worked on', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const watched = new Watched(1);
  watched.add('a');
  watched.add('b');
  await watched.rest();
  watched.queue.addAfter('c', 1000);
  watched.queue.addWithin('c', 1000);
  let isStopped = false;
  const stopped = watched.queue.stop().then(() => {
    isStopped = true;
  });
  watched.queue.add('d');
  watched.queue.addAfter('e', 1);
  watched.queue.addWithin('f', 1);
  t.mock.timers.tick(5000);
  await nextTurn();
  assert.equal(isStopped, false);
  watched.working.get('a')?.();
  await stopped;
  assert.deepEqual(watched.starts, ['a']);
});
