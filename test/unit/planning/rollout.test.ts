import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCondition } from '../../../src/api/condition.ts';
import type { JsonObject } from '../../../src/api/manifest.ts';
import type { RolloutFacts } from '../../../src/planning/desired.ts';
import type { NixFacts } from '../../../src/planning/nix-facts.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import { nothing } from '../../../src/planning/plan.ts';
import { plan } from '../../../src/planning/planner.ts';
import { type ProbeKind, type ProbeResult, UNASKED } from '../../../src/planning/probe-facts.ts';
import { deadlineSec } from '../../../src/planning/rollout.ts';
import { summarize } from '../../../src/planning/summarize.ts';
import {
  endedBy,
  goodProbes,
  INVOCATION,
  manifestOf,
  NOW,
  nothingYet,
  PATHS,
  present,
  runningAsDesired,
  webManifest,
} from './base-state.ts';
import { checkPlan } from './check-plan.ts';

/** Revision 2 is in force and was never Ready; revision 1 was. */
const ON_TRIAL: RolloutFacts = {
  revision: 2,
  isProven: false,
  fallback: { revision: 1, specHash: 'v1-0000000000000001', written: webManifest().written },
  refused: null,
  stuckBecause: null,
};
const PROVEN: RolloutFacts = { ...ON_TRIAL, isProven: true, fallback: null };
const FIRST: RolloutFacts = { ...PROVEN, revision: 1, isProven: false };

/** Its trial began a while ago, and so many failures are counted. */
function tried(observed: Observed, agoSec: number, failures = 0): Observed {
  const trial = { generation: 1, since: NOW - agoSec * 1000, failures: 0 };
  const lastFailure = failures === 0 ? '' : 'it exited with status 1 (exit-code)';
  return { ...observed, history: { ...observed.history, trial, failures, lastFailure } };
}

/** Booting with this spec, and not Ready. */
function starting(spec: JsonObject = {}): Observed {
  const observed = runningAsDesired(webManifest(spec));
  return { ...observed, unit: { ...observed.unit, activeState: 'activating', activeAt: null } };
}

/** Failed, with its end counted and the next try due in a second. */
function backingOff(spec: JsonObject = {}): Observed {
  const ended = endedBy({ invocationId: 'last' }, webManifest(spec));
  const history = { ...ended.history, countedInvocationId: 'last', nextRetryAt: NOW + 1000, failures: 1 };
  const sandbox = { ...ended.sandbox, builtAfter: 'last' };
  return { ...ended, unit: { ...ended.unit, activeState: 'inactive' }, history, sandbox };
}

function upFor(ms: number, spec: JsonObject = {}): Observed {
  const observed = runningAsDesired(webManifest(spec));
  return { ...observed, unit: { ...observed.unit, activeAt: NOW - ms } };
}

function check(
  rollout: RolloutFacts | undefined,
  observed: Observed,
  expected: readonly string[],
  spec: JsonObject = {},
): void {
  const desired = present(webManifest(spec));
  checkPlan(rollout === undefined ? desired : { ...desired, rollout }, observed, expected);
}

const ROLLED_BACK = (cause: string) => [
  `rejectSpec SPEC (${cause})`,
  'markRestart (revision 1 is to run again)',
  'waiting for RollingBack',
];

test('a spec that was Ready runs; nothing to do', () => check(PROVEN, runningAsDesired(), []));

describe('a spec is proven', () => {
  test('when its guest was Ready for a while', () => {
    for (const rollout of [FIRST, ON_TRIAL])
      check(rollout, upFor(10_000), ['proveSpec SPEC (Ready for 10 s)']);
  });
  test('not before: what crashes at once has never worked', () =>
    check(FIRST, upFor(4000), ['waiting for Settling until +6000']));
  test('by a clock that was set back, too', () =>
    check(FIRST, upFor(-3_600_000), ['proveSpec SPEC (Ready for 10 s)']));
  test('not by a guest that runs another', () => {
    const observed = runningAsDesired(webManifest({ environment: { A: '1' } }));
    check(FIRST, observed, ['noteSpec (the running guest has this spec now)'], { restartIfChanged: false });
  });
  test('not where nobody keeps a history', () => check(undefined, upFor(10_000), []));
});

describe('a spec with probes is proven', () => {
  const exec = { exec: { command: ['/bin/true'] } };
  const ALL = { startupProbe: exec, readinessProbe: exec, livenessProbe: exec, timeoutStartSec: 60 };
  /** Up for so long, with one probe as it is here. */
  const probed = (upMs: number, kind: ProbeKind, result: Partial<ProbeResult>): Observed => {
    const observed = upFor(upMs, ALL);
    const { probes } = observed;
    return { ...observed, probes: { ...probes, [kind]: { ...probes[kind], ...result } } };
  };
  const proof = (rollout: RolloutFacts, observed: Observed, expected: readonly string[]) =>
    check(rollout, observed, expected, ALL);

  test('a while after they became good, however long that took', () => {
    const early = { since: NOW - 20_000 };
    for (const kind of ['startup', 'readiness'] as const) {
      proof(FIRST, probed(50_000, kind, early), ['proveSpec SPEC (Ready for 10 s)']);
      proof(FIRST, probed(50_000, kind, { since: NOW - 4000 }), ['waiting for Settling until +6000']);
    }
  });
  test('not at once where the clock was set back since they became good', () => {
    const notYet = { since: NOW + 86_400_000, question: 'v1-another' };
    const begun = tried(probed(900_000, 'readiness', notYet), 1);
    proof(ON_TRIAL, begun, ['waiting for Settling until +59000']);
    const good = (since: number) => tried(probed(900_000, 'readiness', { since }), 4);
    proof(ON_TRIAL, good(NOW + 86_400_000), ['waiting for Settling until +6000']);
    proof(ON_TRIAL, good(NOW + 1000), ['waiting for Settling until +11000']);
    proof(FIRST, probed(900_000, 'readiness', { since: NOW + 1000 }), ['waiting for Settling until +11000']);
  });
  test('when it has said that it lives; where it is not asked for long, after its deadline', () => {
    const unasked = { ...UNASKED };
    proof(FIRST, probed(50_000, 'liveness', unasked), ['waiting for Settling until +10000']);
    proof(FIRST, probed(60_000, 'liveness', unasked), ['proveSpec SPEC (Ready for 60 s)']);
  });
  test('not while it says that it does not, or not to what is asked now', () => {
    for (const rollout of [FIRST, ON_TRIAL]) {
      const begun = (kind: ProbeKind, result: Partial<ProbeResult>) =>
        tried(probed(900_000, kind, result), 50);
      const isBad = { detail: 'exited with status 1' };
      proof(rollout, begun('liveness', { ...UNASKED, ...isBad }), []);
      proof(rollout, begun('liveness', { ...isBad, question: 'v1-another' }), []);
      proof(rollout, begun('readiness', { ...isBad, question: 'v1-another' }), []);
    }
  });
});

describe('an edit of probes that a running guest takes over', () => {
  const before = { readinessProbe: { exec: { command: ['/bin/true'] } }, timeoutStartSec: 60 };
  const spec = { ...before, readinessProbe: { exec: { command: ['/bin/false'] } } };
  const running = runningAsDesired(webManifest(before));
  const noted = {
    ...running,
    history: { ...running.history, seenSpecHash: webManifest(spec).specHash },
    probes: { ...running.probes, asked: goodProbes(webManifest(spec)).asked },
  };
  const failing = (agoSec: number) =>
    tried(
      {
        ...noted,
        probes: {
          ...noted.probes,
          readiness: { ...goodProbes(webManifest(spec)).readiness, state: 'failure', detail: 'no' },
        },
      },
      agoSec,
    );

  test('is on trial from then on', () => {
    const steps = [
      'beginTrial generation 1 (revision 2 was never Ready)',
      'probe readiness (its probes changed)',
      'noteSpec (the running guest has this spec now)',
    ];
    check(ON_TRIAL, running, steps, spec);
    const notYet = { ...noted, probes: { ...noted.probes, readiness: running.probes.readiness } };
    check(ON_TRIAL, tried(notYet, 10), ['waiting for Settling until +50000'], spec);
  });
  test('goes at its deadline, and the guest stays', () => {
    check(ON_TRIAL, failing(59), ['waiting for ReadinessProbeFailed until +1000'], spec);
    check(
      ON_TRIAL,
      failing(60),
      ['rejectSpec SPEC (it was not Ready within 60 s)', 'waiting for RollingBack'],
      spec,
    );
  });
  test('goes with the guest, where that was started as neither this spec says nor the one before', () => {
    const { written } = webManifest({ ...before, environment: { A: '1' } });
    const fallback = { revision: 1, specHash: 'v1-0000000000000001', written };
    const expected = ROLLED_BACK('it was not Ready within 60 s');
    check({ ...ON_TRIAL, fallback }, failing(60), expected, spec);
  });
});

describe('an edit that a running guest takes over as it is', () => {
  const spec = { restartPolicy: 'Never' };
  const noted = 'noteSpec (the running guest has this spec now)';
  const before = (ms: number) => ({ ...upFor(ms), process: runningAsDesired(webManifest(spec)).process });

  test('is on trial while nobody knows whether the guest stays up', () => {
    check(ON_TRIAL, before(9_999), ['beginTrial generation 1 (revision 2 was never Ready)', noted], spec);
  });
  test('is on trial while a probe has yet to say whether the guest lives', () => {
    const probed = { ...spec, livenessProbe: { exec: { command: ['/bin/true'] } }, timeoutStartSec: 60 };
    const running = upFor(20_000, { ...probed, restartPolicy: 'OnFailure' });
    const { asked, liveness } = running.probes;
    const unasked = {
      ...running,
      probes: { ...running.probes, asked, liveness: { ...liveness, ...UNASKED } },
    };
    check(ON_TRIAL, unasked, ['beginTrial generation 1 (revision 2 was never Ready)', noted], probed);
  });
  test('is not where the guest has been unready for longer than a trial lasts', () => {
    const fifo = { ...spec, readiness: 'fifo', timeoutStartSec: 600, progressDeadlineSeconds: 60 };
    const unready = (ms: number) => {
      const running = upFor(ms, { ...fifo, restartPolicy: 'OnFailure' });
      return { ...running, fifo: { exists: true, isListening: true, startedInvocationId: '' } };
    };
    const waits = (sec: number) => `waiting for Starting until +${sec}000`;
    check(
      ON_TRIAL,
      unready(59_999),
      ['beginTrial generation 1 (revision 2 was never Ready)', noted, 'waiting for Starting until +540001'],
      fifo,
    );
    check(ON_TRIAL, unready(60_000), [noted, waits(540)], fifo);
  });
  test('is not where it is proven already', () => {
    check(ON_TRIAL, before(10_000), [noted, 'proveSpec SPEC (Ready for 10 s)'], spec);
  });
});

describe('a spec whose system is made by Nix is proven', () => {
  const A = '/nix/store/a-system';
  const B = '/nix/store/b-system';
  const spec = { path: '/srv/web', restartIfChanged: false, update: 'none' };
  /** Its path leads to B, which is its profile's and what it runs; plus one change. */
  const made = (nix: Partial<NixFacts> = {}, systemPath = B): Observed => {
    const observed = runningAsDesired(manifestOf('web', spec));
    const { process } = observed;
    const facts: NixFacts = {
      programs: '/usr/bin',
      searchPath: '',
      source: { state: 'closure', closure: B },
      realised: B,
      system: { closure: B, generation: 2, isUsable: true, platform: '' },
      missing: [],
      build: { isRunning: false, input: '', lastLine: '', result: null },
      switchingTo: null,
      lastSwitch: null,
      update: null,
      ...nix,
    };
    return {
      ...observed,
      keptSystems: [...new Set([systemPath, facts.system?.closure ?? B])],
      process: process === null ? null : { ...process, systemPath },
      nix: facts,
    };
  };
  const steps = (observed: Observed) => {
    const desired = { ...present(manifestOf('web', spec)), rollout: ON_TRIAL };
    return plan(desired, observed, PATHS);
  };
  const isProven = (observed: Observed) => steps(observed).steps.some(({ name }) => name === 'proveSpec');

  test('by a guest that booted it', () => assert.ok(isProven(made())));
  test('not before it is made', () => {
    const system = { closure: A, generation: 1, isUsable: true, platform: '' };
    assert.ok(!isProven(made({ realised: A, system }, A)));
    const bad = { state: 'bad', reason: 'ClosureMissing', message: '' } as const;
    assert.ok(!isProven(made({ source: bad, realised: A, system }, A)));
  });
  test('not by a guest that has yet to get it', () => assert.ok(!isProven(made({}, A))));
  test('a while after the guest was switched to it', () => {
    const lastSwitch = (agoMs: number, isGood = true) => ({
      ...{ invocationId: INVOCATION, closure: B, isGood, how: '', output: '' },
      ...{ at: NOW - agoMs, isReported: true },
    });
    const switched = (agoMs: number, isGood = true) => made({ lastSwitch: lastSwitch(agoMs, isGood) }, A);
    assert.ok(isProven(tried(switched(10_000), 10)));
    assert.ok(!isProven(tried(switched(10_000, false), 10)));
    const soon = steps(tried(switched(4_000), 4));
    assert.deepEqual([soon.steps, soon.waitingFor?.until], [[], NOW + 6_000]);
    // It is on trial from the switch on, also where that is not seen at once; a switch that failed begins none.
    const begun = (observed: Observed) => steps(observed).steps.map(({ name }) => name);
    assert.deepEqual(begun(switched(0)), ['beginTrial']);
    assert.deepEqual(begun(switched(3_600_000)), ['beginTrial']);
    assert.ok(!begun(switched(0, false)).includes('beginTrial'));
  });
});

describe('a trial', () => {
  test('begins with the first launch', () => {
    const observed = { ...nothingYet(), history: tried(nothingYet(), 0).history };
    const steps = (rollout: RolloutFacts, from: Observed) => {
      const lines: string[] = [];
      try {
        check(rollout, from, lines);
      } catch (error) {
        lines.push(...(error as { actual: string[] }).actual);
      }
      return lines;
    };
    assert.equal(steps(ON_TRIAL, nothingYet())[0], 'beginTrial generation 1 (revision 2 was never Ready)');
    // It goes on with those that follow, and what has nothing before it is on no trial.
    assert.ok(!steps(ON_TRIAL, observed).some(line => line.startsWith('beginTrial')));
    assert.ok(!steps(FIRST, nothingYet()).some(line => line.startsWith('beginTrial')));
  });
  test('has a deadline, by default as long as a start may take', () => {
    assert.equal(deadlineSec(webManifest()), 90);
    assert.equal(deadlineSec(webManifest({ timeoutStartSec: 5 })), 60);
    assert.equal(deadlineSec(webManifest({ timeoutStartSec: 300, progressDeadlineSeconds: 20 })), 20);
    check(ON_TRIAL, tried(starting(), 30), ['waiting for Starting until +60000']);
  });
  test('is lost when that has passed', () => {
    check(ON_TRIAL, tried(starting(), 90), ROLLED_BACK('it was not Ready within 90 s'));
    const slowLook = { ...tried(starting(), 90), lookedAt: NOW - 1 };
    check(ON_TRIAL, slowLook, ['waiting for Starting until +0']);
    check(
      ON_TRIAL,
      tried(backingOff(), 91, 2),
      ROLLED_BACK('it was not Ready within 90 s: it exited with status 1 (exit-code)'),
    );
  });
  test('is lost after three failures', () => {
    const cause = 'it failed 3 times: it exited with status 1 (exit-code)';
    check(ON_TRIAL, tried(backingOff(), 5, 3), ROLLED_BACK(cause));
    const twice = tried(backingOff(), 5, 2);
    check(ON_TRIAL, twice, ['waiting for BackOff until +1000']);
  });
  test('is lost at once where nothing is tried again', () => {
    const spec = { restartPolicy: 'Never' };
    const observed = tried(endedBy({}, webManifest(spec)), 1);
    const down = { ...observed, unit: { ...observed.unit, activeState: 'inactive' as const } };
    check(ON_TRIAL, down, ROLLED_BACK('it exited with status 1 (exit-code)'), spec);
  });
  test('does not count what failed before it', () => {
    const observed = backingOff();
    const trial = { generation: 1, since: NOW - 1000, failures: 5 };
    check(ON_TRIAL, { ...observed, history: { ...observed.history, trial, failures: 7 } }, [
      'waiting for BackOff until +1000',
    ]);
  });
  test('begins anew for whoever asks for a start', () => {
    const observed = tried(starting(), 900);
    const request = { verb: 'restart', invocationId: '', reason: 'nspawnctl restart', at: NOW } as const;
    const asked = ['clearRequest (it runs)', 'waiting for Starting'];
    check(ON_TRIAL, { ...observed, request }, asked);
    check(ON_TRIAL, { ...observed, request: { ...request, at: NOW - 901_000 } }, [
      ...ROLLED_BACK('it was not Ready within 90 s'),
    ]);
  });
  test('begins anew when the clock was set back', () => {
    check(ON_TRIAL, tried(starting(), -3600), [
      'beginTrial generation 1 (revision 2 was never Ready)',
      'waiting for Starting',
    ]);
  });
  test('of an earlier version says nothing of this one', () => {
    const observed = tried(starting(), 900);
    const history = {
      ...observed.history,
      trial: { generation: 7, since: NOW - 900_000, failures: 0 },
    };
    check(ON_TRIAL, { ...observed, history }, ['waiting for Starting']);
  });
});

describe('a spec stays in force', () => {
  const failed = tried(backingOff(), 900, 9);
  const lost = ['waiting for BackOff until +1000'];
  test('when there is nothing to go back to', () => check(FIRST, failed, lost));
  test('when that cannot be in force', () => check({ ...ON_TRIAL, stuckBecause: 'taken' }, failed, lost));
  test('when it is not to go back', () => {
    const spec = { rollback: false };
    check(ON_TRIAL, tried(backingOff(spec), 900, 9), lost, spec);
  });
  test('while it is Ready, or was stopped by a person, or has powered itself off', () => {
    check(ON_TRIAL, tried(upFor(1000), 900), ['waiting for Settling until +9000']);
    const stopped = { ...endedBy({ isRequested: true }), unit: nothingYet().unit };
    for (const [end, reason] of [
      [stopped, 'Stopped'],
      [{ ...stopped, ended: endedBy({ result: 'success', exitStatus: '0' }).ended }, 'ExitedCleanly'],
    ] as const) {
      const observed = tried(end, 900);
      const desired = { ...present(webManifest()), rollout: ON_TRIAL };
      const { conditions } = summarize(desired, observed, nothing(observed), { error: null });
      assert.equal(findCondition(conditions, 'Ready')?.reason, reason);
      check(ON_TRIAL, { ...observed, unit: { ...observed.unit, loadState: 'loaded' as const } }, []);
    }
  });
  test('while it waits for something else than itself', () => {
    const down = tried({ ...endedBy({}), unit: nothingYet().unit }, 900);
    const history = {
      ...down.history,
      countedInvocationId: down.ended?.invocationId ?? '',
      nextRetryAt: NOW,
    };
    const guestCapacity = { limit: 1, running: 1, inotifyInstances: 128 };
    const full = { ...down, history, host: { ...down.host, guestCapacity } };
    const gate = (...names: readonly string[]) => ({
      notReady: names.map(name => ({ name, because: 'Stopped: stopped by request' })),
      ahead: 0,
    });
    const free = { ...down, history, gate: gate() };
    check(ON_TRIAL, free, ROLLED_BACK('it was not Ready within 90 s'));
    check(ON_TRIAL, { ...free, gate: gate('db') }, ['waiting for DependencyNotReady']);
    const { steps } = plan({ ...present(webManifest()), rollout: ON_TRIAL }, { ...down, history }, PATHS);
    assert.equal(steps.at(-1)?.name, 'launch', 'the others have yet to be asked');
    check(ON_TRIAL, { ...full, unit: { ...full.unit, loadState: 'loaded' } }, [
      'waiting for InotifyInstances',
    ]);
  });
  test('while a guest with another spec is on its way', () => {
    const observed = tried(starting({ environment: { A: '1' } }), 900);
    const because = 'the spec changed in a way that takes a restart';
    check(ON_TRIAL, observed, [`markRestart (${because})`, `stop (${because})`, 'waiting for Stopping']);
  });
  test('while something is in the way that the one before would meet as well', () => {
    const root = { state: 'missing', realPath: '', missing: [], detail: '' } as const;
    check(ON_TRIAL, { ...failed, root }, ['stalled by RootMissing']);
  });
});

describe('people are told', () => {
  const condition = (rollout: RolloutFacts) => {
    const observed = runningAsDesired();
    const desired = { ...present(webManifest()), rollout };
    const { conditions } = summarize(desired, observed, nothing(observed), { error: null });
    return findCondition(conditions, 'RolledBack');
  };
  test('nothing while all is well', () => {
    for (const rollout of [PROVEN, ON_TRIAL]) assert.equal(condition(rollout), undefined);
  });
  test('what was tried in vain, why, and how to go on', () => {
    const because = 'it failed 3 times: it exited with status 1 (exit-code)\nboom';
    const refused = { revision: 2, specHash: 'v1-2', because, at: '' };
    const found = condition({ ...PROVEN, revision: 1, refused });
    assert.equal(`${found?.status}/${found?.reason}`, 'True/NotReadyInTime');
    assert.equal(
      found?.message,
      'revision 2 did not become Ready, and revision 1 is in force again: it failed 3 times: it exited with status 1 (exit-code). Mend /etc/nspawnd/manifests/web.yaml:1, or try it once more: nspawnctl rollout retry web; its last lines:\n  boom',
    );
  });
  test('what keeps the last one from being in force again', () => {
    const found = condition({ ...ON_TRIAL, stuckBecause: '"db" has taken what it had' });
    assert.equal(`${found?.status}/${found?.reason}`, 'False/LastSpecTaken');
  });
});
