import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planText } from '../../../src/planning/plan-text.ts';
import { plan } from '../../../src/planning/planner.ts';
import { runState } from '../../../src/planning/run-state.ts';
import type { StepName } from '../../../src/planning/step.ts';
import { summarize } from '../../../src/planning/summarize.ts';
import { desireds, observeds } from './arbitrary-state.ts';
import { PATHS } from './base-state.ts';

const SEED = Date.now() % 2 ** 31;
const RUNS = 300;

/** Made once for all properties: that takes longer than to judge them. */
const states = fc.sample(fc.tuple(desireds, observeds), { seed: SEED, numRuns: RUNS });

/** What holds for every state there can be. One for which it does not is told as small as it can be made. */
function check(judge: (desired: Desired, observed: Observed) => void): void {
  try {
    for (const [desired, observed] of states) judge(desired, observed);
  } catch (error) {
    fc.assert(fc.property(desireds, observeds, judge), { seed: SEED, numRuns: RUNS });
    throw new Error(`with the states of seed ${SEED}`, { cause: error });
  }
}
type Desired = Parameters<typeof plan>[0];
type Observed = Parameters<typeof plan>[1];

const stepsOf = (desired: Desired, observed: Observed) =>
  plan(desired, observed, PATHS).steps.map(step => step.name);

/** The order of the work; a plan is a part of it. */
const ORDER: readonly StepName[] = [
  'endSuspension',
  'beginTrial',
  'clearRequest',
  'takeBackFailure',
  'noteSpec',
  'recordStopped',
  'recordFailure',
  'markRestart',
  'attachNamespace',
  'stop',
  'stopFormer',
  'killActivating',
  'askAgain',
  'killMain',
  'resetFailed',
  'terminateMachine',
  'removeCopy',
  'prepareRoot',
  'createFifo',
  'listenFifo',
  'removeSandbox',
  'removeUnit',
  'removeFifo',
  'removeGuestHosts',
  'buildSandbox',
  'writeGuestHosts',
  'keepSystems',
  'writeUnit',
  'resetHistory',
  'registerMachine',
  'launch',
  'forget',
];

test('there is a plan, a text of it and a summary for every state, and always the same', () => {
  check((desired, observed) => {
    const first = plan(desired, observed, PATHS);
    assert.deepEqual(plan(desired, observed, PATHS), first);
    assert.equal(typeof planText(first), 'string');
    summarize(desired, observed, first, { error: null });
  });
});

test('nothing is planned for a name of which nothing is known, nor on a host that shuts down', () => {
  check((desired, observed) => {
    if (desired.state === 'unknown' || observed.host.isStopping) {
      const steps = stepsOf(desired, observed).filter(name => name !== 'endSuspension');
      assert.deepEqual(steps, []);
    }
  });
});

test('a unit is written, and a launch made, only while it is down', () => {
  check((desired, observed) => {
    const isSomebodyElses = observed.process === null && observed.unitFile.owner !== 'ours';
    if (runState(observed.unit) === 'down' || isSomebodyElses) return;
    for (const name of [
      'writeUnit',
      'removeUnit',
      'launch',
      'createFifo',
      'removeSandbox',
      'prepareRoot',
    ] as const)
      assert.ok(!stepsOf(desired, observed).includes(name), name);
  });
});

test('a running guest is stopped only when that was asked for, its manifest is gone, or it was edited', () => {
  check((desired, observed) => {
    if (!stepsOf(desired, observed).includes('stop')) return;
    const { request, sandbox, process } = observed;
    assert.ok(
      desired.state === 'absent' ||
        (desired.state === 'present' &&
          (request?.verb === 'stop' ||
            request?.verb === 'restart' ||
            sandbox.isJoined === false ||
            process !== null ||
            desired.manifest.spec.readiness === 'fifo')),
    );
  });
});

test('a stop that we want to be followed by a start is marked on disk first', () => {
  check((desired, observed) => {
    const steps = stepsOf(desired, observed);
    if (desired.state !== 'present' || !steps.includes('stop') || observed.request !== null) return;
    const { history, unit } = observed;
    const isCounted = unit.invocationId !== '' && history.countedInvocationId === unit.invocationId;
    assert.ok(steps[steps.indexOf('stop') - 1] === 'markRestart' || isCounted, steps.join());
  });
});

test('a launch is the last thing done, but for taking the request off the disk', () => {
  check((desired, observed) => {
    const steps = stepsOf(desired, observed);
    const after = steps.includes('launch') ? steps.slice(steps.indexOf('launch') + 1) : [];
    assert.ok(after.length === 0 || after.join() === 'clearRequest', steps.join());
  });
});

test('steps are in the order of the work, each at most once but for copies', () => {
  check((desired, observed) => {
    const steps = stepsOf(desired, observed).filter(name => name !== 'clearRequest');
    const places = steps.map(name => ORDER.indexOf(name));
    assert.ok(!places.includes(-1), steps.join());
    const isAscending = places.every((place, index) => {
      const before = places[index - 1] ?? -1;
      return place > before || (steps[index] === 'removeCopy' && place === before);
    });
    // The sandbox is mended before the FIFO is listened to; both orders are right.
    assert.ok(isAscending || steps.includes('listenFifo') || steps.includes('removeFifo'), steps.join());
  });
});

test('what is not ours is never touched', () => {
  check((desired, observed) => {
    const steps = stepsOf(desired, observed);
    if (observed.unitFile.owner === 'foreign') {
      for (const name of ['writeUnit', 'removeUnit', 'launch', 'resetFailed'] as const)
        assert.ok(!steps.includes(name), name);
    }
    if (observed.sandbox.namespace === 'foreign') assert.ok(!steps.includes('buildSandbox'));
  });
});

test('a plan that is stalled launches nothing and stops nothing', () => {
  check((desired, observed) => {
    const { stalled } = plan(desired, observed, PATHS);
    if (stalled === null) return;
    for (const name of ['launch', 'stop', 'writeUnit', 'buildSandbox'] as const)
      assert.ok(!stepsOf(desired, observed).includes(name), name);
  });
});

test('a wait with a time is not further off than the longest backoff, a start timeout or the settling', () => {
  check((desired, observed) => {
    const until = plan(desired, observed, PATHS).waitingFor?.until ?? null;
    if (until !== null) assert.ok(until - observed.now <= 600_000 + 9_999_999, String(until - observed.now));
  });
});
