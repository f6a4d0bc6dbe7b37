import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { secondLookInMs, settlesInMs } from '../../../src/manifests/settle.ts';

const NOW = 1_000_000_000;

/** A file of these ages, in ms: since the last write, since the last change of its entry, since we saw it like this. */
function check(ages: { written: number; changed?: number; seen?: number }, expected: number): void {
  const { written, changed = written, seen = 0 } = ages;
  assert.equal(
    settlesInMs({ mtimeMs: NOW - written, ctimeMs: NOW - changed, nowMs: NOW, unchangedForMs: seen }),
    expected,
  );
}

suite('a file', () => {
  test('that lies there unchanged is complete', () => check({ written: 3_600_000 }, 0));
  test('written aside and moved in is complete at once', () => check({ written: 5_000, changed: 0 }, 0));
  test('written aside a tenth of a second before it is moved in is complete at once', () =>
    check({ written: 100, changed: 0 }, 0));
  test('moved in right after it was written waits like one written in place', () =>
    check({ written: 99, changed: 0 }, 1_401));
  test('written in place waits a second and a half from its last write', () => {
    check({ written: 0 }, 1_500);
    check({ written: 1_000 }, 500);
    check({ written: 1_499 }, 1);
    check({ written: 1_500 }, 0);
  });
  test('cut off and completed a second later is not taken in between', () => {
    check({ written: 1_000 }, 500);
    check({ written: 0, seen: 0 }, 1_500);
  });
  test('from the future is complete when we have seen it unchanged for as long', () => {
    check({ written: -60_000 }, 1_500);
    check({ written: -60_000, seen: 1_000 }, 500);
    check({ written: -60_000, seen: 1_500 }, 0);
  });
  test('is complete when seen unchanged for long enough, whatever the wall clock does', () =>
    check({ written: 10, seen: 1_600 }, 0));
  test('that was only touched waits, too', () => check({ written: 0, changed: 0 }, 1_500));
});

suite('a broken file', () => {
  test('younger than two seconds gets a second look at that age', () => {
    assert.equal(secondLookInMs({ mtimeMs: NOW - 1_500, nowMs: NOW }), 500);
    assert.equal(secondLookInMs({ mtimeMs: NOW - 2_000, nowMs: NOW }), 0);
  });
  test('from the future is judged now', () =>
    assert.equal(secondLookInMs({ mtimeMs: NOW + 60_000, nowMs: NOW }), 0));
});
