import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../../../src/api/manifest.ts';
import { type EndedRecord, type History, type Observed, UNRECORDED } from '../../../src/planning/observed.ts';
import {
  BACKOFF_MAX_MS,
  backoffMs,
  decideRun,
  describeEnd,
  isCrashLooping,
  type RunDecision,
} from '../../../src/planning/restart.ts';
import {
  downAsDesired,
  EARLIER_INVOCATION,
  endedBy,
  NOW,
  nothingYet,
  runningAsDesired,
  webManifest,
} from './base-state.ts';

/** What becomes of a container that is down and ended like this, in one line. */
function check(
  expected: string,
  ended: Partial<EndedRecord>,
  spec: JsonObject = {},
  history: Partial<History> = {},
  more: Partial<Observed> = {},
): void {
  const manifest = webManifest(spec);
  const observed = endedBy(ended, manifest);
  const state = { ...observed, history: { ...observed.history, ...history }, ...more };
  assert.equal(line(decideRun(manifest, state)), expected);
}

function line(decision: RunDecision): string {
  switch (decision.run) {
    case 'start':
      return `start ${decision.cause}`;
    case 'later':
      return `later +${decision.at - NOW}`;
    case 'stay':
      return `stay ${decision.reason}`;
    case 'count': {
      const { count } = decision;
      return count.name === 'recordFailure'
        ? `count #${count.arguments.failures}: ${count.because}`
        : 'count by another step';
    }
  }
}

/** Ends as the unit's ExecStopPost= records them; [ran] on systemd 252, 257 and 262. */
const ENDS = {
  'a stop was asked for, the guest powered off': {
    isRequested: true,
    result: 'success',
    exitCode: 'exited',
    exitStatus: '0',
  },
  'a stop was asked for, the payload ended as a failure': {
    isRequested: true,
    result: 'exit-code',
    exitCode: 'exited',
    exitStatus: '143',
  },
  'a stop was asked for, it timed out and was killed': {
    isRequested: true,
    result: 'timeout',
    exitCode: 'killed',
    exitStatus: 'KILL',
  },
  'the guest powered itself off': { result: 'success', exitCode: 'exited', exitStatus: '0' },
  'the guest rebooted': { result: 'exit-code', exitCode: 'exited', exitStatus: '133' },
  'it exited with an error': { result: 'exit-code', exitCode: 'exited', exitStatus: '1' },
  'nspawn was killed': { result: 'signal', exitCode: 'killed', exitStatus: 'KILL' },
  'nspawn dumped core': { result: 'core-dump', exitCode: 'dumped', exitStatus: 'SEGV' },
  'it did not get ready in time': { result: 'timeout', exitCode: 'exited', exitStatus: '0' },
  'the watchdog ended it': { result: 'watchdog', exitCode: 'dumped', exitStatus: 'ABRT' },
  'the kernel was out of memory': { result: 'oom-kill', exitCode: 'killed', exitStatus: 'KILL' },
  'it could not be set up': { result: 'resources', exitCode: '', exitStatus: '' },
  'READY never came': { result: 'protocol', exitCode: 'exited', exitStatus: '0' },
} as const satisfies Record<string, Partial<EndedRecord>>;

type Row = readonly [onFailure: string, always: string, never: string];

/** The design's table, whole: how it ended -> OnFailure, Always, Never. */
const TABLE: Readonly<Record<keyof typeof ENDS, Row>> = {
  'a stop was asked for, the guest powered off': ['stay Stopped', 'stay Stopped', 'stay Stopped'],
  'a stop was asked for, the payload ended as a failure': ['stay Stopped', 'stay Stopped', 'stay Stopped'],
  'a stop was asked for, it timed out and was killed': ['stay Stopped', 'stay Stopped', 'stay Stopped'],
  'the guest powered itself off': ['stay ExitedCleanly', 'count #1: it exited cleanly', 'stay ExitedCleanly'],
  'the guest rebooted': ['start reboot', 'start reboot', 'start reboot'],
  'it exited with an error': failing('it exited with status 1 (exit-code)'),
  'nspawn was killed': failing('it was ended by signal KILL (signal)'),
  'nspawn dumped core': failing('it was ended by signal SEGV (core-dump)'),
  'it did not get ready in time': failing('it did not answer in time and exited with status 0 (timeout)'),
  'the watchdog ended it': failing('it was ended by signal ABRT (watchdog)'),
  'the kernel was out of memory': failing('it was ended by signal KILL (oom-kill)'),
  'it could not be set up': failing('it did not start (resources)'),
  'READY never came': failing('it exited with status 0 (protocol)'),
};

function failing(cause: string): Row {
  return [`count #1: ${cause}`, `count #1: ${cause}`, 'stay Failed'];
}

test('a container that was never started is started once', () => {
  assert.equal(line(decideRun(webManifest(), nothingYet())), 'start first');
});

describe('the table of ends', () => {
  for (const [how, row] of Object.entries(TABLE)) {
    for (const [index, restartPolicy] of (['OnFailure', 'Always', 'Never'] as const).entries()) {
      test(`${how}, ${restartPolicy}: ${row[index]}`, () => {
        check(row[index] ?? '', ENDS[how as keyof typeof ENDS], { restartPolicy });
      });
    }
  }
});

describe('a failure', () => {
  const counted = { countedInvocationId: EARLIER_INVOCATION, failures: 1 };
  test('that is counted waits for its next try', () => {
    check('later +700', {}, {}, { ...counted, nextRetryAt: NOW + 700 });
  });
  test('that is counted is tried again when it is due', () => {
    check('start restart', {}, {}, { ...counted, nextRetryAt: NOW });
  });
  test('is counted after the one before it', () => {
    check('count #4: it exited with status 1 (exit-code)', {}, {}, { failures: 3 });
  });
  test('of an earlier run does not count for this one', () => {
    const history = { failures: 1, countedInvocationId: 'another run', nextRetryAt: NOW - 1 };
    check('count #2: it exited with status 1 (exit-code)', {}, {}, history);
  });
  test('whose next try is further off than any backoff was counted by another clock, and is tried now', () => {
    check('start restart', {}, {}, { ...counted, nextRetryAt: NOW + 3_600_000 });
  });
  test('that was counted before its stop was done is tried again, though the stop was asked for', () => {
    check('later +700', { isRequested: true }, {}, { ...counted, nextRetryAt: NOW + 700 });
  });
  test('that was a poweroff is not tried again once the policy says so', () => {
    const ended = ENDS['the guest powered itself off'];
    const waits = { ...counted, nextRetryAt: NOW + 700 };
    check('later +700', ended, { restartPolicy: 'Always' }, waits);
    check('stay ExitedCleanly', ended, { restartPolicy: 'OnFailure' }, waits);
    check('stay Failed', ended, { restartPolicy: 'Never' }, waits);
  });
  test('that was counted before its stop was done is not tried again with restartPolicy Never', () => {
    for (const nextRetryAt of [NOW + 700, NOW - 1])
      check(
        'stay Failed',
        { isRequested: true },
        { restartPolicy: 'Never' },
        { ...counted, seenSpecHash: '', nextRetryAt },
      );
  });
});

describe('a launch that left no trace', () => {
  const launched = { launch: { at: NOW - 5000, isCounted: false } };
  test('is a failure', () => {
    const { unit } = downAsDesired();
    check('count #1: it was started and left no trace of having run', {}, {}, launched, {
      ended: null,
      unit,
    });
  });
  test('stays one with restartPolicy Never', () => {
    check('stay Failed', {}, { restartPolicy: 'Never' }, launched, { ended: null });
  });
  test('but failed says what systemd and the journal know of it', () => {
    const { unit } = downAsDesired();
    const failed = { ended: null, unit: { ...unit, activeState: 'failed', result: 'resources' } } as const;
    const how = 'count #1: it failed, and how could not be recorded (resources)';
    check(how, {}, {}, launched, failed);
    check(`${how}: cannot fork`, {}, {}, launched, { ...failed, complaint: 'cannot fork' });
  });
  test('that is counted waits for its next try', () => {
    const history = { launch: { at: NOW - 5000, isCounted: true }, failures: 1, nextRetryAt: NOW + 700 };
    check('later +700', {}, {}, history, { ended: null });
  });
  test('that is counted but has no next try is tried', () => {
    const history = { launch: { at: NOW - 5000, isCounted: true }, failures: 1 };
    check('start restart', {}, {}, history, { ended: null });
  });
});

describe('an edit', () => {
  test('starts what was stopped by request', () => {
    check('start edited', ENDS['a stop was asked for, the guest powered off'], {}, { seenSpecHash: 'v1-0' });
  });
  test('starts what had powered itself off', () => {
    check('start edited', ENDS['the guest powered itself off'], {}, { seenSpecHash: 'v1-0' });
  });
  test('skips the backoff', () => {
    const history = {
      seenSpecHash: 'v1-0',
      failures: 5,
      countedInvocationId: EARLIER_INVOCATION,
      nextRetryAt: NOW + 9000,
    };
    check('start edited', {}, {}, history);
  });
  test('starts nothing with autoStart: false', () => {
    check(
      'stay Stopped',
      ENDS['a stop was asked for, the guest powered off'],
      { autoStart: false },
      { seenSpecHash: 'v1-0' },
    );
  });
});

describe('with autoStart: false', () => {
  test('what was never started stays so', () => {
    const manifest = webManifest({ autoStart: false });
    assert.equal(line(decideRun(manifest, nothingYet(manifest))), 'stay NotStarted');
  });
  test('what was started by hand is restarted after a failure all the same', () => {
    check('count #1: it exited with status 1 (exit-code)', {}, { autoStart: false });
  });
  test('what was started by hand and rebooted starts again', () => {
    check('start reboot', ENDS['the guest rebooted'], { autoStart: false });
  });
});

describe('a request', () => {
  const request = (verb: 'start' | 'stop' | 'restart') => ({
    request: { verb, invocationId: EARLIER_INVOCATION, reason: `nspawnctl ${verb}`, at: NOW },
  });
  const backingOff = { countedInvocationId: EARLIER_INVOCATION, failures: 3, nextRetryAt: NOW + 9000 };
  test('to start starts what is backing off', () =>
    check('start asked', {}, {}, backingOff, request('start')));
  test('to restart likewise', () => check('start asked', {}, {}, backingOff, request('restart')));
  test('to stop keeps down what is backing off', () => {
    check('stay Stopped', {}, {}, backingOff, request('stop'));
  });
  test('to stop keeps down what rebooted at that moment', () => {
    check('stay Stopped', ENDS['the guest rebooted'], {}, {}, request('stop'));
  });
  test('to start starts what is never to restart', () => {
    check('start asked', {}, { restartPolicy: 'Never' }, {}, request('start'));
  });
});

describe('a reboot', () => {
  const times = (count: number, ageMs: number) => ({ recentReboots: Array(count).fill(NOW - ageMs) });
  test('is not counted as a failure, also the fifth in a minute', () => {
    check('start reboot', ENDS['the guest rebooted'], {}, times(4, 1000));
  });
  test('is a failure from the sixth in a minute on', () => {
    check('count #1: it reboots in a loop', ENDS['the guest rebooted'], {}, times(5, 1000));
  });
  test('is an ordinary one again a minute later', () => {
    check('start reboot', ENDS['the guest rebooted'], {}, times(5, 60_000));
  });
});

describe('a crash loop', () => {
  const isLooping = (recentRestarts: readonly number[]) => {
    const observed = runningAsDesired();
    return isCrashLooping({ ...observed, history: { ...observed.history, recentRestarts } });
  };
  test('is three restarts in ten minutes', () => {
    assert.equal(isLooping([NOW - 599_999, NOW - 2, NOW - 1]), true);
  });
  test('is not two', () => assert.equal(isLooping([NOW - 2, NOW - 1]), false));
  test('is not three in more than ten minutes', () => {
    assert.equal(isLooping([NOW - 600_000, NOW - 2, NOW - 1]), false);
  });
});

describe('a clock that was set back', () => {
  test('makes no crash loop of what seems to lie in the future', () => {
    const observed = runningAsDesired();
    const history = { ...observed.history, recentRestarts: [NOW - 1, NOW + 1, NOW + 86_400_000] };
    assert.equal(isCrashLooping({ ...observed, history }), false);
  });
  test('makes no reboot loop of it', () => {
    const recentReboots = [1, 2, 3, 4, 5].map(day => NOW + day * 86_400_000);
    check('start reboot', ENDS['the guest rebooted'], {}, { recentReboots });
  });
});

describe('the backoff', () => {
  const bounds: readonly (readonly [failures: number, ms: number])[] = [
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [9, 256_000],
    [10, 300_000],
    [11, 300_000],
    [1000, 300_000],
  ];
  for (const [failures, ms] of bounds) {
    test(`after ${failures} failures is ${ms / 1000} s, give or take a fifth`, () => {
      fc.assert(
        fc.property(fc.string(), seed => {
          const found = backoffMs(failures, seed);
          assert.ok(found >= ms * 0.8 - 1 && found <= ms * 1.2 + 1, `${found} ms`);
        }),
      );
    });
  }
  test('is the same for the same container, run and count', () => {
    assert.equal(backoffMs(3, 'web run 3'), backoffMs(3, 'web run 3'));
  });
  test('differs between containers that failed together', () => {
    const found = new Set(Array.from({ length: 50 }, (_, index) => backoffMs(5, `web${index} run 5`)));
    assert.ok(found.size > 45, `${found.size} different ones of 50`);
  });
  test('is never longer than the longest, which is what a set-back clock is judged by', () => {
    assert.ok(backoffMs(64, 'any') <= BACKOFF_MAX_MS * 1.2);
  });
  test('starts when the failure is counted', () => {
    const decision = decideRun(webManifest(), endedBy({}));
    assert.ok(decision.run === 'count' && decision.count.name === 'recordFailure');
    const { invocationId, nextRetryAt } = decision.count.arguments;
    assert.equal(invocationId, EARLIER_INVOCATION);
    assert.equal(nextRetryAt, NOW + backoffMs(1, `web ${EARLIER_INVOCATION} 1`));
  });
});

test('an end that could not be recorded is a failure like any other, and says what is not known', () => {
  const unrecorded = {
    invocationId: 'unrecorded-1',
    specHash: '',
    result: UNRECORDED,
    exitCode: '',
    exitStatus: '',
  };
  const cause = 'it ended, and how could not be recorded: there was no space in /run';
  for (const restartPolicy of ['OnFailure', 'Always'])
    check(`count #1: ${cause}`, unrecorded, { restartPolicy });
  check('stay Failed', unrecorded, { restartPolicy: 'Never' });
});

test('an end is told in words', () => {
  const { ended } = downAsDesired();
  assert.ok(ended !== null);
  assert.equal(describeEnd(ended), 'it exited cleanly');
  assert.equal(describeEnd({ ...ended, ...ENDS['it could not be set up'] }), 'it did not start (resources)');
});
