import { describe, test } from 'node:test';
import type { Desired } from '../../../src/planning/desired.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import { downAsDesired, HOST, NOW, nothingYet, runningAsDesired, webManifest } from './base-state.ts';
import { checkPlan } from './check-plan.ts';

const ABSENT: Desired = { state: 'absent' };
const UNKNOWN: Desired = { state: 'unknown', problems: [], reason: 'its file cannot be read' };
const GONE = 'its manifest is gone';

describe('a container whose manifest is gone', () => {
  test('and of which nothing is left; nothing to do', () => checkPlan(ABSENT, nothingYet(), []));
  test('is stopped first', () => {
    checkPlan(ABSENT, runningAsDesired(), [`stop (${GONE})`, 'waiting for Stopping']);
  });
  test('is stopped also while it is starting', () => {
    const observed = runningAsDesired();
    checkPlan(
      ABSENT,
      { ...observed, unit: { ...observed.unit, activeState: 'activating', activeAt: null } },
      [`stop (${GONE})`, 'waiting for Stopping'],
    );
  });
  test('is stopped also where its unit file is gone too', () => {
    const observed = runningAsDesired();
    checkPlan(ABSENT, { ...observed, unitFile: { ...observed.unitFile, owner: 'none', text: '' } }, [
      `stop (${GONE})`,
      'waiting for Stopping',
    ]);
  });
  test('and that is stopping is waited for', () => {
    checkPlan(ABSENT, stopping({}), ['waiting for Stopping']);
  });
  test('and that was stopped while starting gets the second SIGTERM', () => {
    checkPlan(ABSENT, stopping({ activeAt: null, stateChangedAt: NOW - 2000 }), [
      'killActivating (stopped while starting, it has no handler for a clean stop)',
      'waiting for Stopping',
    ]);
  });
  test('leaves nothing of ours once it is down', () => {
    const observed = downAsDesired(webManifest({ readiness: 'fifo' }));
    checkPlan(ABSENT, observed, [
      `removeSandbox (${GONE})`,
      `removeUnit (${GONE})`,
      `removeFifo (${GONE})`,
      `removeGuestHosts (${GONE})`,
      `forget (${GONE})`,
    ]);
  });
  test('is cleaned up before it is removed', () => {
    const observed = downAsDesired();
    checkPlan(ABSENT, { ...observed, unit: { ...observed.unit, activeState: 'failed' } }, [
      'resetFailed (a failed unit keeps its old definition loaded)',
      `removeSandbox (${GONE})`,
      `removeUnit (${GONE})`,
      `removeGuestHosts (${GONE})`,
      `forget (${GONE})`,
    ]);
  });
  test('is remembered until machined can be asked whether it knows it still', () => {
    checkPlan(ABSENT, { ...downAsDesired(), machinedFault: 'no answer' }, [
      `removeSandbox (${GONE})`,
      `removeUnit (${GONE})`,
      `removeGuestHosts (${GONE})`,
      'waiting for MachinedUnavailable until +10000',
    ]);
  });
  test('is left alone while the host shuts down', () => {
    checkPlan(ABSENT, { ...runningAsDesired(), host: { ...HOST, isStopping: true } }, [
      'waiting for HostStopping',
    ]);
  });

  const remains: Readonly<Record<string, readonly [Partial<Observed>, string]>> = {
    'its sandbox': [{ sandbox: downAsDesired().sandbox }, `removeSandbox (${GONE})`],
    'a stale name in /run/netns': [
      { sandbox: { ...nothingYet().sandbox, namespace: 'stale' } },
      `removeSandbox (${GONE})`,
    ],
    'only its source guard': [
      { sandbox: { ...nothingYet().sandbox, guard: ['10.231.136.2'] } },
      `removeSandbox (${GONE})`,
    ],
    'the mark of its sandbox': [
      { sandbox: { ...nothingYet().sandbox, builtAfter: '' } },
      `removeSandbox (${GONE})`,
    ],
    'what was said of it': [{ hasMemory: true }, `forget (${GONE})`],
    'its unit': [{ unitFile: downAsDesired().unitFile }, `removeUnit (${GONE})`],
    'its FIFO': [
      { fifo: { exists: true, isListening: false, startedInvocationId: '' } },
      `removeFifo (${GONE})`,
    ],
    'the mark that it had started up': [
      { fifo: { exists: false, isListening: false, startedInvocationId: 'x' } },
      `removeFifo (${GONE})`,
    ],
    'its guest hosts file': [{ guestHosts: 'present' }, `removeGuestHosts (${GONE})`],
    'the record of its end': [{ ended: downAsDesired().ended }, `forget (${GONE})`],
    'a request': [
      { request: { verb: 'start', invocationId: '', reason: 'nspawnctl start', at: NOW } },
      `forget (${GONE})`,
    ],
  };
  for (const [what, [change, expected]] of Object.entries(remains)) {
    test(`of which only ${what} is left`, () =>
      checkPlan(ABSENT, { ...nothingYet(), ...change }, [expected]));
  }

  test("does not take somebody else's unit, namespace or machine with it", () => {
    const observed = runningAsDesired();
    checkPlan(
      ABSENT,
      {
        ...observed,
        process: null,
        unitFile: { ...observed.unitFile, owner: 'foreign', text: '[Service]\n' },
        hasMemory: false,
        guestHosts: 'absent',
        sandbox: { ...nothingYet().sandbox, namespace: 'foreign' },
      },
      [],
    );
  });
  test("does not reset somebody else's failed unit", () => {
    const observed = nothingYet();
    checkPlan(
      ABSENT,
      {
        ...observed,
        unit: { ...observed.unit, activeState: 'failed', fragmentPath: observed.unitFile.path },
        unitFile: { ...observed.unitFile, owner: 'foreign', text: '[Service]\n' },
      },
      [],
    );
  });
});

describe('a container of which nothing is known', () => {
  test('is left alone while it runs', () => checkPlan(UNKNOWN, runningAsDesired(), []));
  test('is left alone while it is down', () => checkPlan(UNKNOWN, downAsDesired(), []));
  test('is left alone whatever it was asked', () => {
    checkPlan(
      UNKNOWN,
      {
        ...runningAsDesired(),
        request: { verb: 'stop', invocationId: '', reason: 'nspawnctl stop', at: NOW },
      },
      [],
    );
  });
});

function stopping(unit: Partial<Observed['unit']>): Observed {
  const observed = runningAsDesired();
  return {
    ...observed,
    unit: {
      ...observed.unit,
      activeState: 'deactivating',
      activeAt: NOW - 60_000,
      stateChangedAt: NOW - 5000,
      ...unit,
    },
  };
}
