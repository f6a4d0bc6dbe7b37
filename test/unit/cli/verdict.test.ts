import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container } from '../../../src/api/container.ts';
import { Progress } from '../../../src/cli/command/progress.ts';
import { GRACE_MS } from '../../../src/cli/command/verdict.ts';
import type { Verb } from '../../../src/server/protocol.ts';
import { type ContainerFacts, makeContainer } from '../server/control-model.ts';

const RUNNING = { phase: 'Running', ready: 'True', reason: 'Ready', leader: 1, startedAt: 'then' } as const;
const NEW_RUN = { ...RUNNING, leader: 2, startedAt: 'now' } as const;
const STARTING = { phase: 'Starting', ready: 'False', reason: 'Starting' } as const;
const STOPPING = { phase: 'Stopping', ready: 'False', reason: 'Stopping', leader: 1 } as const;
const STOPPED = { phase: 'Stopped', ready: 'False', reason: 'Stopped' } as const;
const EXITED = { phase: 'Exited', ready: 'False', reason: 'ExitedCleanly' } as const;
const FAILED = { phase: 'Failed', ready: 'False', reason: 'Failed', message: 'why' } as const;
const BACKOFF = { phase: 'BackOff', ready: 'False', reason: 'Failed', message: 'why' } as const;
const STALLED = { phase: 'Stalled', ready: 'False', reason: 'RootMissing', message: 'no root' } as const;

const container = (facts: ContainerFacts): Container => makeContainer('web', '1', facts);

/** The verdict after each sight; a number lets that much time pass instead. */
function check(verb: Verb, before: ContainerFacts, ...sights: (ContainerFacts | number | null)[]): string[] {
  let at = 0;
  const progress = new Progress(verb, container(before), at);
  return sights.map(sight => {
    if (typeof sight === 'number') at += sight;
    else progress.see(sight === null ? null : container(sight), at);
    return progress.verdict(at).is;
  });
}

describe('whether a verb has happened', () => {
  it('start: when it is ready, also when it was', () => {
    assert.deepEqual(check('start', STOPPED, STOPPED, STARTING, NEW_RUN), ['underway', 'underway', 'done']);
    assert.deepEqual(check('start', RUNNING, RUNNING), ['done']);
  });

  it('restart: when another run is ready, not while the old one still is', () => {
    assert.deepEqual(check('restart', RUNNING, RUNNING, 60_000, STOPPING, STOPPED, STARTING, NEW_RUN), [
      'underway',
      'underway',
      'underway',
      'underway',
      'underway',
      'done',
    ]);
    assert.deepEqual(check('restart', STOPPED, STARTING, NEW_RUN), ['underway', 'done']);
    assert.deepEqual(check('restart', RUNNING, { ...RUNNING, leader: null }), ['underway']);
  });

  it('stop: when it is down or gone; a state from before is believed after a while', () => {
    assert.deepEqual(check('stop', RUNNING, RUNNING, STOPPING, STOPPED), ['underway', 'underway', 'done']);
    assert.deepEqual(check('stop', RUNNING, STOPPING, FAILED), ['underway', 'done']);
    assert.deepEqual(check('stop', RUNNING, null), ['done']);
    assert.deepEqual(check('stop', EXITED, EXITED, GRACE_MS), ['underway', 'done']);
    assert.deepEqual(check('stop', BACKOFF, BACKOFF, GRACE_MS, STOPPED), ['underway', 'underway', 'done']);
  });

  it('a failure counts when it is new', () => {
    assert.deepEqual(check('start', STOPPED, STARTING, BACKOFF), ['underway', 'failed']);
    assert.deepEqual(check('start', BACKOFF, BACKOFF, 60_000), ['underway', 'underway']);
    assert.deepEqual(check('start', BACKOFF, { ...BACKOFF, restarts: 1 }), ['failed']);
    assert.deepEqual(check('start', FAILED, FAILED, STARTING, FAILED), ['underway', 'underway', 'failed']);
    assert.deepEqual(check('start', STOPPED, STARTING, EXITED), ['underway', 'failed']);
    assert.deepEqual(check('start', STOPPED, null), ['failed']);
  });

  it('a run that fails on its way down does not fail the restart, unless it stays so', () => {
    assert.deepEqual(check('restart', RUNNING, STOPPING, FAILED, STARTING, NEW_RUN), [
      'underway',
      'underway',
      'underway',
      'done',
    ]);
    assert.deepEqual(check('restart', RUNNING, FAILED, GRACE_MS), ['underway', 'failed']);
  });

  it('what only a person can mend fails at once when it is new, and soon when it was so before', () => {
    assert.deepEqual(check('start', STOPPED, STALLED), ['failed']);
    assert.deepEqual(check('start', STALLED, STALLED, GRACE_MS - 1, 1), ['underway', 'underway', 'failed']);
  });
});
