import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { DegradedWatch } from '../../../../src/host/probes/degraded-watch.ts';
import type { FailedUnits } from '../../../../src/planning/observed.ts';

const NONE: FailedUnits = { names: [], more: 0 };

/** A watch whose looks are counted, and answer what `answers` says of a name; `mark` as the guests' control groups have it. */
function watched(
  answers: (name: string) => FailedUnits | null = () => NONE,
  mark: (name: string) => string | null = () => 'as before',
) {
  const looks: string[] = [];
  const triggers: string[] = [];
  const watch = new DegradedWatch({
    look: async name => {
      looks.push(name);
      return answers(name);
    },
    mark,
    onTrigger: name => triggers.push(name),
  });
  return { watch, looks, triggers };
}

/** Lets time pass, in which the watch is asked by nobody. */
async function pass(clock: { now: number }, ms: number): Promise<void> {
  for (const end = clock.now + ms; clock.now < end; ) {
    clock.now += 200;
    mock.timers.tick(200);
    await settle();
  }
}

function mockClock(t: TestContext): { now: number } {
  const clock = { now: 1000 };
  t.mock.method(performance, 'now', () => clock.now);
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  t.after(() => mock.timers.reset());
  return clock;
}

const settle = () => new Promise(resolve => setImmediate(resolve));

test('a guest is looked at once it runs, in the background, and what is found is told', async t => {
  const clock = mockClock(t);
  const { watch, looks, triggers } = watched(() => ({ names: ['a.service'], more: 0 }));
  assert.equal(watch.facts('web', null), null);
  assert.deepEqual(looks, []);
  assert.equal(watch.facts('web', 'run-1'), null);
  assert.equal(watch.facts('web', 'run-1'), null);
  await pass(clock, 2000);
  assert.deepEqual([looks, triggers], [['web'], ['web']]);
  assert.deepEqual(watch.facts('web', 'run-1'), { names: ['a.service'], more: 0 });
  assert.deepEqual(watch.facts('web', 'run-2'), null, 'of another run nothing is known');
  await pass(clock, 2000);
  assert.deepEqual(looks, ['web', 'web']);
  watch.stop();
});

test('all are looked at when they start, and of those in which nothing stirs only one in an hour', async t => {
  const clock = mockClock(t);
  const { watch, looks } = watched();
  const names = Array.from({ length: 100 }, (_, index) => `guest-${index}`);
  for (const name of names) watch.facts(name, 'run');
  await pass(clock, 60_000);
  assert.equal(looks.length, 100);
  await pass(clock, 3_400_000);
  assert.equal(looks.length, 100);
  await pass(clock, 600_000);
  assert.equal(looks.length, 200);
  watch.stop();
});

test('a guest in which a unit came or went is looked at soon, and ever more rarely while nothing is found', async t => {
  const clock = mockClock(t);
  let stirs = 0;
  let failed: FailedUnits = NONE;
  const { watch, looks, triggers } = watched(
    () => failed,
    () => `stir ${stirs}`,
  );
  watch.facts('web', 'run');
  await pass(clock, 300_000);
  assert.deepEqual([looks.length, triggers.length], [1, 0], 'that nothing was found is no news');
  stirs++;
  failed = { names: ['b.service'], more: 0 };
  await pass(clock, 25_000);
  assert.deepEqual([looks.length, triggers.length], [2, 1]);
  failed = NONE;
  await pass(clock, 85_000);
  assert.deepEqual([looks.length, triggers.length], [3, 2], 'what has failed is asked again by itself');
  const before = looks.length;
  for (let minute = 0; minute < 60; minute++) {
    stirs++;
    await pass(clock, 60_000);
  }
  const busy = looks.length - before;
  assert.ok(busy >= 6 && busy <= 11, `${busy} looks in an hour in which something always stirs`);
  watch.stop();
});

test('where nobody can tell whether something stirs, all are looked at so rarely that it costs next to nothing', async t => {
  const clock = mockClock(t);
  const { watch, looks } = watched(undefined, () => null);
  const names = Array.from({ length: 100 }, (_, index) => `guest-${index}`);
  for (const name of names) watch.facts(name, 'run');
  await pass(clock, 3_600_000);
  watch.stop();
  const later = looks.length - 100;
  assert.ok(later >= 500 && later <= 900, `${later} looks in an hour`);
});

test('a person who asks is not made to wait for a turn, and a guest that is gone is not looked at', async () => {
  const { watch, looks } = watched();
  await watch.lookAgain('web');
  assert.deepEqual(looks, []);
  watch.facts('web', 'run-1');
  await watch.lookAgain('web');
  assert.deepEqual(looks, ['web']);
  watch.stop();
});

test('a guest that does not answer is asked ever more rarely, and its next run soon', async t => {
  const clock = mockClock(t);
  const { watch, looks } = watched(() => null);
  watch.facts('web', 'run-1');
  await pass(clock, 4 * 3_600_000);
  // After 1, 2, 4, 8, 16 and 32 minutes, then each hour.
  assert.ok(looks.length >= 8 && looks.length <= 11, `${looks.length} looks in four hours`);
  const before = looks.length;
  watch.facts('web', 'run-2');
  await pass(clock, 90_000);
  assert.equal(looks.length, before + 2);
  watch.stop();
});

test('nobody is asked while others boot, unless that takes long', async t => {
  const clock = mockClock(t);
  const { watch, looks } = watched();
  watch.noteBooting('db', true);
  watch.facts('web', 'run-1');
  await pass(clock, 10_000);
  assert.deepEqual(looks, []);
  watch.noteBooting('db', false);
  await pass(clock, 2000);
  assert.deepEqual(looks, ['web']);
  watch.noteBooting('db', true);
  watch.facts('mail', 'run-1');
  await pass(clock, 55_000);
  assert.deepEqual(looks, ['web']);
  await pass(clock, 10_000);
  assert.deepEqual(looks, ['web', 'mail']);
  watch.stop();
});
