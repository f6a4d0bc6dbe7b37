import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterFailure,
  afterLaunch,
  afterNote,
  afterReset,
  afterTakenBack,
  afterTrialBegun,
} from '../../../src/host/history.ts';
import { type History, NO_HISTORY } from '../../../src/planning/observed.ts';

/** What of the history differs after a change. */
function check(before: History, after: History, expected: Partial<History>): void {
  const changed = Object.entries(after).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key as keyof History]),
  );
  assert.deepEqual(Object.fromEntries(changed), expected);
}

const FAILURE = { invocationId: 'run-1', failures: 2, nextRetryAt: 5000, cause: 'it exited' };
const FAILED: History = afterFailure(NO_HISTORY, FAILURE);

test('a first launch is noted and is no restart', () => {
  check(NO_HISTORY, afterLaunch(NO_HISTORY, 1000, 'v1-a', 'first'), {
    launch: { at: 1000, isCounted: false },
    seenSpecHash: 'v1-a',
  });
});

test('a launch after a failure is a restart, and takes the next try off', () => {
  check(FAILED, afterLaunch(FAILED, 6000, '', 'restart'), {
    launch: { at: 6000, isCounted: false },
    nextRetryAt: null,
    restarts: 1,
    recentRestarts: [6000],
  });
});

test('a failure that is taken back was none; any other stays', () => {
  const noCount = { failures: 1, nextRetryAt: null, countedInvocationId: '' };
  check(FAILED, afterTakenBack(FAILED, 'run-1'), noCount);
  check(FAILED, afterTakenBack(FAILED, 'run-2'), {});
  const launched = afterTrialBegun(
    afterFailure(afterLaunch(NO_HISTORY, 1000, '', 'first'), FAILURE),
    7,
    2000,
  );
  check(launched, afterTakenBack(launched, 'run-1'), {
    ...noCount,
    trial: { generation: 7, since: 2000, failures: 1 },
    launch: { at: 1000, isCounted: false },
  });
  const first = afterFailure(NO_HISTORY, { ...FAILURE, failures: 1 });
  assert.equal(afterTakenBack(first, 'run-1').lastFailure, '');
});

for (const cause of ['first', 'asked', 'edited', 'reboot'] as const) {
  test(`a launch that is ${cause} is not counted as a restart`, () => {
    const { restarts, recentRestarts } = afterLaunch(FAILED, 6000, 'v1-a', cause);
    assert.deepEqual([restarts, recentRestarts], [0, []]);
  });
}

test('only a reboot is counted as a reboot', () => {
  assert.deepEqual(afterLaunch(NO_HISTORY, 1000, 'v1-a', 'reboot').recentReboots, [1000]);
  assert.deepEqual(afterLaunch(NO_HISTORY, 1000, 'v1-a', 'restart').recentReboots, []);
});

test('times are kept, the newest twenty', () => {
  let history = NO_HISTORY;
  for (let at = 1; at <= 30; at++) history = afterLaunch(history, at, 'v1-a', 'restart');
  assert.equal(history.recentRestarts.length, 20);
  assert.equal(history.recentRestarts.at(-1), 30);
  assert.equal(history.restarts, 30);
});

test('a failure is counted with its run, its next try and its cause; a launch is counted with it', () => {
  const launched = afterLaunch(NO_HISTORY, 1000, 'v1-a', 'first');
  check(launched, afterFailure(launched, FAILURE), {
    failures: 2,
    nextRetryAt: 5000,
    countedInvocationId: 'run-1',
    lastFailure: 'it exited',
    launch: { at: 1000, isCounted: true },
  });
});

test('a failure counted twice is the same', () => assert.deepEqual(afterFailure(FAILED, FAILURE), FAILED));

test('a reset forgets failures, and keeps how often it was restarted and what was seen', () => {
  const before = afterNote(afterLaunch(FAILED, 6000, 'v1-a', 'restart'), 'v1-b');
  check(before, afterReset(before), { failures: 0, recentRestarts: [], lastFailure: '' });
});

test('a trial has its own time, and does not answer for what failed before it', () => {
  const begun = afterTrialBegun(FAILED, 7, 9000);
  assert.deepEqual(begun.trial, { generation: 7, since: 9000, failures: FAILED.failures });
  assert.deepEqual(afterLaunch(begun, 9100, 'v1-b', 'restart').trial, begun.trial);
  assert.deepEqual(afterReset(begun).trial, { generation: 7, since: 9000, failures: 0 });
  assert.equal(afterReset(NO_HISTORY).trial, null);
});
