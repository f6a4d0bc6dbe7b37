import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findCondition } from '../../../src/api/condition.ts';
import type { JsonObject } from '../../../src/api/manifest.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import { plan } from '../../../src/planning/planner.ts';
import { NO_PROBES, type ProbeKind, type ProbeResult, UNASKED } from '../../../src/planning/probe-facts.ts';
import { questionsOf } from '../../../src/planning/probes.ts';
import { decideRun } from '../../../src/planning/restart.ts';
import { summarize } from '../../../src/planning/summarize.ts';
import {
  EARLIER_INVOCATION,
  endedBy,
  INVOCATION,
  NOW,
  PATHS,
  present,
  runningAsDesired,
  webManifest,
} from './base-state.ts';
import { checkPlan } from './check-plan.ts';

const EXEC = { exec: { command: ['/bin/true'] } };
const ALL = { startupProbe: EXEC, readinessProbe: { tcpSocket: { port: 80 } }, livenessProbe: EXEC };

function check(
  expected: readonly string[],
  change: (observed: Observed) => Partial<Observed> = () => ({}),
  spec: JsonObject = ALL,
  before: JsonObject = spec,
): void {
  const observed = runningAsDesired(webManifest(before));
  checkPlan(present(webManifest(spec)), { ...observed, ...change(observed) }, expected);
}

const bad = (detail = 'exited with status 1'): ProbeResult => ({
  ...UNASKED,
  state: 'failure',
  detail,
  since: NOW,
});

/** The results of probes as they are, but for one, of the same question. */
const with_ = (kind: ProbeKind, result: ProbeResult) => (observed: Observed) => ({
  probes: { ...observed.probes, [kind]: { ...result, question: observed.probes[kind].question } },
});

/** Ready, and phase, as people are told. */
function told(change: (observed: Observed) => Partial<Observed>, spec: JsonObject = ALL): string {
  const desired = present(webManifest(spec));
  const observed = runningAsDesired(desired.manifest);
  const changed = { ...observed, ...change(observed) };
  const summary = summarize(desired, changed, plan(desired, changed, PATHS), { error: null });
  const ready = findCondition(summary.conditions, 'Ready');
  return `${summary.phase}: ${ready?.status} ${ready?.reason}: ${ready?.message}`;
}

describe('probes', () => {
  test('that are asked and good leave nothing to do', () => check([]));

  test('are asked when the guest has booted', () => {
    const unasked = () => ({ probes: NO_PROBES });
    check(['probe startup readiness liveness (it has booted)', 'waiting for Starting'], unasked);
    check(['waiting for Starting'], observed => ({
      ...unasked(),
      unit: { ...observed.unit, activeState: 'activating', activeAt: null },
    }));
    check(
      ['waiting for Starting until +80000'],
      observed => ({
        ...unasked(),
        unit: { ...observed.unit, activeAt: NOW - 10_000 },
        fifo: { exists: true, isListening: true, startedInvocationId: '' },
      }),
      { ...ALL, readiness: 'fifo' },
    );
  });

  test('are asked again by a restarted nspawnd, and what they had found stands', () => {
    check(['probe startup readiness liveness (it has booted)'], observed => ({
      probes: { ...observed.probes, asked: '' },
    }));
  });

  test('of an earlier run say nothing of this one', () => {
    check(['probe startup readiness liveness (it has booted)', 'waiting for Starting'], observed => ({
      probes: { ...observed.probes, invocationId: EARLIER_INVOCATION },
    }));
  });

  test('that are edited are changed under the running guest, before the edit is noted', () => {
    const noted = 'noteSpec (the running guest has this spec now)';
    const edited = { ...ALL, livenessProbe: { ...EXEC, periodSeconds: 3 } };
    check(['probe startup readiness liveness (its probes changed)', noted], () => ({}), edited, ALL);
    check(['probe (it has no probes any more)', noted], () => ({}), {}, ALL);
  });

  test('are asked at the address that the manifest names', () => {
    const at = (spec: JsonObject) => questionsOf(webManifest(spec)).readiness?.tcpSocket?.host;
    const readinessProbe = { tcpSocket: { port: 80 } };
    assert.equal(at({ readinessProbe }), '10.231.136.2');
    const shared = { privateNetwork: false, hostAddress: undefined, localAddress: undefined } as object;
    assert.equal(at({ readinessProbe, ...(shared as JsonObject) }), '127.0.0.1');
    assert.equal(at({ readinessProbe: { tcpSocket: { port: 80, host: '10.9.9.9' } } }), '10.9.9.9');
  });
});

describe('a startup probe', () => {
  test('is waited for, however long the guest has been up', () => {
    check(['waiting for Starting'], with_('startup', UNASKED));
    assert.equal(
      told(with_('startup', { ...UNASKED, detail: 'exited with status 3' })),
      'Starting: False Starting: its startupProbe has not been good yet: exited with status 3',
    );
  });

  test('that fails is a counted failure, before it is stopped', () => {
    const cause = 'its startupProbe failed 3 times in a row: exited with status 1';
    check(
      [`recordFailure #1, next try at 2026-01-02T03:04:05.810Z (${cause})`, 'waiting for Stopping'],
      with_('startup', bad()),
    );
  });

  test('comes before the others', () => {
    check(['waiting for Starting'], observed => ({
      probes: { ...observed.probes, startup: UNASKED, liveness: bad() },
    }));
  });
});

describe('a readiness probe', () => {
  test('that fails is told, and nothing is done', () => {
    check(['waiting for ReadinessProbeFailed'], with_('readiness', bad()));
    assert.equal(
      told(with_('readiness', bad('connection refused'))),
      'Running: False ReadinessProbeFailed: its readinessProbe fails: connection refused',
    );
    assert.equal(
      told(() => ({})),
      'Running: True Ready: the guest has booted, and its readinessProbe is good',
    );
  });

  test('that has said nothing yet is waited for', () => {
    assert.equal(
      told(with_('readiness', UNASKED)),
      'Starting: False Starting: its readinessProbe has not been good yet',
    );
  });
});

describe('a liveness probe', () => {
  const livenessProbe = { ...EXEC, failureThreshold: 1 };
  const cause = 'its livenessProbe failed: no answer within 3 s';

  test('that fails is a counted failure, before it is stopped', () => {
    check(
      [`recordFailure #1, next try at 2026-01-02T03:04:05.810Z (${cause})`, 'waiting for Stopping'],
      with_('liveness', bad('no answer within 3 s')),
      { livenessProbe },
    );
  });

  test('that failed before it was edited stops nobody', () => {
    const edited = { livenessProbe: { ...livenessProbe, periodSeconds: 3 } };
    const noted = 'noteSpec (the running guest has this spec now)';
    const asked = 'probe liveness (its probes changed)';
    check([asked, noted], with_('liveness', bad()), edited, { livenessProbe });
    // Another one asks already, and has no answer yet.
    const stale = (observed: Observed) => ({
      probes: { ...observed.probes, liveness: { ...bad(), question: 'v1-another' } },
    });
    check([], stale, { livenessProbe });
  });

  test('that fails changes nothing of what is Ready, nor while a person has it', () => {
    assert.match(told(with_('liveness', bad())), /^Running: True Ready/);
    check(['waiting for Suspended'], observed => ({
      ...with_('liveness', bad())(observed),
      suspension: { since: NOW - 1000, until: null },
    }));
  });

  test('that failed leads to a restart later, or to none, as restartPolicy says', () => {
    const after = (restartPolicy: string) => {
      const manifest = webManifest({ livenessProbe, restartPolicy });
      const observed = endedBy({ isRequested: true, invocationId: INVOCATION }, manifest);
      const history = {
        ...observed.history,
        failures: 1,
        countedInvocationId: INVOCATION,
        nextRetryAt: NOW + 500,
        lastFailure: cause,
      };
      return decideRun(manifest, { ...observed, history });
    };
    for (const restartPolicy of ['OnFailure', 'Always'])
      assert.deepEqual(after(restartPolicy), { run: 'later', at: NOW + 500, because: cause });
    assert.deepEqual(after('Never'), { run: 'stay', reason: 'Failed', message: cause });
  });
});

describe('failed units of a guest', () => {
  const degraded = (failedUnits: Observed['failedUnits'], change: Partial<Observed> = {}) => {
    const desired = present(webManifest());
    const observed = { ...runningAsDesired(desired.manifest), failedUnits, ...change };
    const { conditions } = summarize(desired, observed, plan(desired, observed, PATHS), { error: null });
    assert.equal(findCondition(conditions, 'Ready')?.status, change.unit === undefined ? 'True' : 'False');
    return findCondition(conditions, 'Degraded')?.message;
  };
  test('are named, and only while there are any', () => {
    assert.equal(
      degraded({ names: ['a.service', 'b.mount'], more: 2 }),
      'failed in the guest: a.service, b.mount and 2 more',
    );
    assert.equal(degraded({ names: [], more: 0 }), undefined);
    assert.equal(degraded(null), undefined);
  });
});
