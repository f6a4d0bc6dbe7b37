import { describe, test } from 'node:test';
import type { Desired } from '../../../src/planning/desired.ts';
import { NOW, nothingYet, present, runningAsDesired, webManifest } from './base-state.ts';
import { checkPlan } from './check-plan.ts';

const ABSENT: Desired = { state: 'absent' };
const EDITED = present(webManifest({ environment: { A: '2' } }));

describe('a container that is to be left alone', () => {
  const suspension = { since: NOW - 1000, until: NOW + 60_000 };
  const waits = ['waiting for Suspended until +60000'];
  test('is not restarted for an edit', () => checkPlan(EDITED, { ...runningAsDesired(), suspension }, waits));
  test('is not started', () => checkPlan(present(webManifest()), { ...nothingYet(), suspension }, waits));
  test('is not removed with its manifest', () =>
    checkPlan(ABSENT, { ...runningAsDesired(), suspension }, waits));
  test('waits for a person where no time was said', () =>
    checkPlan(ABSENT, { ...runningAsDesired(), suspension: { since: 0, until: null } }, [
      'waiting for Suspended',
    ]));
  test('is looked after again when its time is over', () =>
    checkPlan(present(webManifest()), { ...runningAsDesired(), suspension: { since: 0, until: NOW } }, [
      'endSuspension (its time is over)',
    ]));
});
