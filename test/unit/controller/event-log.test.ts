import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ContainerEvent, MAX_EVENTS_PER_OBJECT } from '../../../src/api/event.ts';
import { appendEvent as appendOne } from '../../../src/controller/event-log.ts';
import type { EventFact } from '../../../src/controller/step-events.ts';

function appendEvent(
  events: readonly ContainerEvent[],
  fact: EventFact,
  now: string,
): readonly ContainerEvent[] {
  const { others, event } = appendOne(events, fact, now);
  return [...others, event];
}

/** The history after these reasons, one per second: `Reason xCOUNT FIRST..LAST`. */
function historyOf(reasons: readonly string[]): readonly string[] {
  return append(reasons).map(
    event =>
      `${event.reason} x${event.count} ${second(event.firstTimestamp)}..${second(event.lastTimestamp)}`,
  );
}

function append(reasons: readonly string[]): readonly ContainerEvent[] {
  return reasons.reduce<readonly ContainerEvent[]>(
    (events, reason, index) =>
      appendEvent(events, { type: 'Normal', reason, message: `because of ${reason}` }, time(index)),
    [],
  );
}

const time = (seconds: number) => new Date(seconds * 1000).toISOString();
const second = (timestamp: string) => Date.parse(timestamp) / 1000;

test('an event is the newest of the history', () => {
  assert.deepEqual(historyOf(['Starting', 'Ready']), ['Starting x1 0..0', 'Ready x1 1..1']);
});

describe('a repetition', () => {
  test('is counted, with its first and its last time, and moves to the end', () => {
    assert.deepEqual(historyOf(['Failed', 'Starting', 'Failed', 'Starting', 'Failed']), [
      'Starting x2 1..3',
      'Failed x3 0..4',
    ]);
  });
  test('of something with another message is another event', () => {
    const once = appendEvent([], { type: 'Normal', reason: 'Failed', message: 'status 1' }, time(0));
    const twice = appendEvent(once, { type: 'Normal', reason: 'Failed', message: 'status 2' }, time(1));
    assert.equal(twice.length, 2);
  });
  test('of something long ago is told again', () => {
    const between = Array.from({ length: 10 }, (_, index) => `Other${index}`);
    assert.deepEqual(historyOf(['Failed', ...between, 'Failed']).at(-1), 'Failed x1 11..11');
  });
});

test('the history is bounded, and keeps the newest', () => {
  const reasons = Array.from({ length: 200 }, (_, index) => `Reason${index}`);
  const history = append(reasons);
  assert.equal(history.length, MAX_EVENTS_PER_OBJECT);
  assert.equal(history.at(-1)?.reason, 'Reason199');
});

test('nothing is lost but the oldest: counts add up', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('A', 'B', 'C', 'D', 'E'), { maxLength: 80 }), reasons => {
      const total = append(reasons).reduce((sum, event) => sum + event.count, 0);
      assert.equal(total, reasons.length);
    }),
  );
});

test('the history that was there is not changed', () => {
  const before = append(['A', 'B']);
  const copy = structuredClone(before);
  appendEvent(before, { type: 'Normal', reason: 'A', message: 'because of A' }, time(9));
  assert.deepEqual(before, copy);
});
