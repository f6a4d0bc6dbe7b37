import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { DegradedWatch } from '../../../../src/host/probes/degraded-watch.ts';
import type { FailedUnits } from '../../../../src/planning/observed.ts';

const NONE: FailedUnits = { names: [], more: 0 };

/** A watch whose looks are counted, and answer what `answers` says of a name. */
function watched(answers: (name: string) => FailedUnits | null = () => NONE) {
  const looks: string[] = [];
  const triggers: string[] = [];
  const watch = new DegradedWatch(
    async name => {
      looks.push(name);
      return answers(name);
    },
    name => triggers.push(name),
  );
  return { watch, looks, triggers };
}

const settle = () => new Promise(resolve => setImmediate(resolve));

test('a guest is looked at once it runs, in the background, and what is found is told', async () => {
  const { watch, looks, triggers } = watched(() => ({ names: ['a.service'], more: 0 }));
  assert.equal(watch.facts('web', null), null);
  assert.deepEqual(looks, []);
  assert.equal(watch.facts('web', 'run-1'), null);
  assert.equal(watch.facts('web', 'run-1'), null);
  await settle();
  assert.deepEqual([looks, triggers], [['web'], ['web']]);
  assert.deepEqual(watch.facts('web', 'run-1'), { names: ['a.service'], more: 0 });
  assert.deepEqual(watch.facts('web', 'run-2'), null, 'of another run nothing is known');
  await settle();
  assert.deepEqual(looks, ['web', 'web']);
  watch.stop();
});

test('all are looked at when they start, and then so rarely that it costs next to nothing', async () => {
  let now = 1000;
  mock.method(performance, 'now', () => now);
  mock.timers.enable({ apis: ['setTimeout'] });
  const { watch, looks } = watched();
  const names = Array.from({ length: 100 }, (_, index) => `guest-${index}`);
  for (const name of names) watch.facts(name, 'run');
  for (let turn = 0; turn < 200; turn++) await settle();
  assert.equal(looks.length, 100);
  for (const end = now + 3_600_000; now < end; ) {
    for (const name of names) watch.facts(name, 'run');
    for (let tick = 0; tick < 5; tick++) {
      now += 4000;
      mock.timers.tick(4000);
      await settle();
    }
  }
  mock.timers.reset();
  mock.restoreAll();
  watch.stop();
  const later = looks.length - 100;
  assert.ok(later >= 600 && later <= 900, `${later} looks in an hour`);
});

test('a person who asks is not made to wait for a turn, and a guest that is gone is not looked at', async () => {
  const { watch, looks } = watched();
  await watch.lookAgain('web');
  assert.deepEqual(looks, []);
  watch.facts('web', 'run-1');
  await settle();
  await watch.lookAgain('web');
  assert.deepEqual(looks, ['web', 'web']);
  watch.stop();
});
