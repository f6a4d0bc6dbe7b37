import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ConditionType, findCondition } from '../../../src/api/condition.ts';
import type { Problem } from '../../../src/api/problem.ts';
import type { Desired } from '../../../src/planning/desired.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import { plan } from '../../../src/planning/planner.ts';
import { type Outcome, type Summary, summarize } from '../../../src/planning/summarize.ts';
import {
  downAsDesired,
  EARLIER_INVOCATION,
  endedBy,
  HOST,
  manifestOf,
  NOW,
  nothingYet,
  PATHS,
  present,
  runningAsDesired,
  webManifest,
} from './base-state.ts';

interface Case {
  readonly desired?: Desired;
  readonly observed?: Observed;
  readonly error?: Outcome['error'];
}

/** The phase, and of each condition that is named its `Status/Reason`; null: it is not there. */
function check(
  { desired = present(webManifest()), observed = runningAsDesired(), error = null }: Case,
  phase: Summary['phase'],
  expected: Partial<Record<ConditionType, string | null>>,
): Summary {
  const summary = summarize(desired, observed, plan(desired, observed, PATHS), { error });
  const found = Object.fromEntries(
    Object.keys(expected).map(type => {
      const condition = findCondition(summary.conditions, type as ConditionType);
      return [type, condition === undefined ? null : `${condition.status}/${condition.reason}`];
    }),
  );
  assert.deepEqual({ phase: summary.phase, ...found }, { phase, ...expected });
  return summary;
}

function messageOf(summary: Summary, type: ConditionType): string {
  return findCondition(summary.conditions, type)?.message ?? '';
}

const down = (change: (observed: Observed) => Partial<Observed>): Observed => {
  const observed = downAsDesired();
  return { ...observed, ...change(observed) };
};
const running = (change: (observed: Observed) => Partial<Observed>): Observed => {
  const observed = runningAsDesired();
  return { ...observed, ...change(observed) };
};
const PROBLEM: Problem = {
  file: 'web.yaml',
  line: 7,
  column: 16,
  field: 'spec.hostAddress',
  message: 'not an IPv4 address: "10.231.136"',
};

test('everything is as desired: five conditions, all True', () => {
  const summary = check({}, 'Running', {
    Ready: 'True/Ready',
    ManifestValid: 'True/Accepted',
    RootReady: 'True/Found',
    NetworkReady: 'True/SandboxReady',
    Running: 'True/Active',
  });
  assert.equal(summary.conditions.length, 5, 'the abnormal ones are left out');
  assert.equal(summary.waitingFor, null);
  assert.equal(summary.nextRetryAt, null);
});

describe('Ready', () => {
  test('names by which way the guest is ready', () => {
    const said = (spec: object) => {
      const manifest = webManifest({ ...spec });
      const summary = check({ desired: present(manifest), observed: runningAsDesired(manifest) }, 'Running', {
        Ready: 'True/Ready',
      });
      return messageOf(summary, 'Ready');
    };
    assert.equal(said({}), 'the guest reports that it has booted');
    assert.equal(said({ readiness: 'fifo' }), 'the guest wrote to its start-up FIFO');
    assert.equal(said({ readiness: 'started' }), 'the guest has started');
  });
  test('is False while the guest boots', () => {
    const observed = running(({ unit }) => ({
      unit: { ...unit, activeState: 'activating', activeAt: null },
    }));
    check({ observed }, 'Starting', { Ready: 'False/Starting', Reconciling: 'True/Starting' });
  });
  test('is False while an active guest has not written to its FIFO', () => {
    const manifest = webManifest({ readiness: 'fifo' });
    const observed = runningAsDesired(manifest);
    const summary = check(
      {
        desired: present(manifest),
        observed: {
          ...observed,
          unit: { ...observed.unit, activeAt: NOW - 1000 },
          fifo: { exists: true, isListening: true, startedInvocationId: '' },
        },
      },
      'Starting',
      { Ready: 'False/Starting', Running: 'True/Active' },
    );
    assert.equal(summary.waitingFor, 'the guest has not written to its start-up FIFO yet');
  });
  test('is False while it stops', () => {
    const observed = running(({ unit }) => ({ unit: { ...unit, activeState: 'deactivating' } }));
    check({ observed }, 'Stopping', { Ready: 'False/Stopping', Running: 'True/Deactivating' });
  });
  test('is False after a stop that was asked for', () => {
    check({ observed: downAsDesired() }, 'Stopped', { Ready: 'False/Stopped', Running: 'False/Inactive' });
  });
  test('is False where it was never to start', () => {
    const manifest = webManifest({ autoStart: false });
    check({ desired: present(manifest), observed: nothingYet(manifest) }, 'Stopped', {
      Ready: 'False/NotStarted',
    });
  });
  test('is False after the guest powered itself off', () => {
    const observed = endedBy({ result: 'success', exitStatus: '0' });
    check({ observed }, 'Exited', { Ready: 'False/ExitedCleanly' });
  });
  test('claims no failure while a launch is in the queue of systemd, whatever restartPolicy says', () => {
    for (const restartPolicy of ['Never', 'OnFailure'] as const) {
      const manifest = webManifest({ restartPolicy });
      const { unit, history, ...rest } = downAsDesired(manifest);
      const launched = { ...history, launch: { at: NOW, isCounted: false } };
      const observed = { ...rest, ended: null, history: launched, unit: { ...unit, hasJob: true } };
      check({ desired: present(manifest), observed }, 'Pending', {
        Ready: 'False/JobPending',
        Running: 'False/Inactive',
        Reconciling: 'True/JobPending',
      });
    }
  });
  test('says why a failure is not tried again, with the last lines', () => {
    const manifest = webManifest({ restartPolicy: 'Never' });
    const observed = endedBy({ lastLines: ['kernel panic', 'bye'] }, manifest);
    const summary = check({ desired: present(manifest), observed }, 'Failed', { Ready: 'False/Failed' });
    assert.equal(
      messageOf(summary, 'Ready'),
      'it exited with status 1 (exit-code); its last lines:\n  kernel panic\n  bye',
    );
  });
  test('says when the next try is due, with the last lines', () => {
    const failed = endedBy({ lastLines: ['no init'] });
    const observed: Observed = {
      ...failed,
      history: {
        ...failed.history,
        failures: 1,
        nextRetryAt: NOW + 900,
        countedInvocationId: EARLIER_INVOCATION,
        lastFailure: 'it exited with status 1 (exit-code)',
      },
    };
    const summary = check({ observed }, 'BackOff', { Ready: 'False/BackOff', Reconciling: 'True/BackOff' });
    assert.equal(
      messageOf(summary, 'Ready'),
      'it exited with status 1 (exit-code); next try at 2026-01-02T03:04:05.900Z; its last lines:\n  no init',
    );
    assert.equal(summary.nextRetryAt, NOW + 900);
  });
  test('is False with what it is stalled by', () => {
    const observed = down(({ root }) => ({ root: { ...root, state: 'missing' } }));
    check({ observed }, 'Stalled', {
      Ready: 'False/RootMissing',
      Stalled: 'True/RootMissing',
      RootReady: 'False/RootMissing',
    });
  });
  test('is False before the first start', () => {
    check({ observed: nothingYet() }, 'Pending', { Ready: 'False/Starting' });
  });
  test('is False with the error of the step that failed', () => {
    const error = { code: 'CommandFailed', message: 'ip: no such device', isFinal: false };
    check({ observed: nothingYet(), error }, 'Pending', {
      Ready: 'False/CommandFailed',
      Reconciling: 'True/Starting',
      Stalled: null,
    });
  });
  test('stays True when a step failed under a guest that is ready', () => {
    const error = { code: 'CommandFailed', message: 'ip: no such device', isFinal: false };
    check({ error }, 'Running', { Ready: 'True/Ready', Reconciling: 'True/CommandFailed' });
  });
  test('is Stalled by an error that only a change helps', () => {
    const error = { code: 'UnitInvalid', message: 'systemd refuses it', isFinal: true };
    check({ error }, 'Running', { Stalled: 'True/UnitInvalid', Reconciling: null });
  });
});

describe('ManifestValid', () => {
  test('is False while the last good version stays in force, with every problem', () => {
    const desired = { ...present(webManifest()), problems: [PROBLEM] };
    const summary = check({ desired }, 'Running', { Ready: 'True/Ready', ManifestValid: 'False/Invalid' });
    assert.equal(
      messageOf(summary, 'ManifestValid'),
      'the last good version stays in force:\nweb.yaml:7:16: spec.hostAddress: not an IPv4 address: "10.231.136"',
    );
  });
  test('is Unknown while its manifest is gone and that is not taken for a deletion', () => {
    const desired: Desired = {
      ...present(webManifest()),
      heldBecause: { reason: 'TooManyDeletions', message: '5 of 8 would go', confirmHash: 'abc123' },
    };
    const summary = check({ desired }, 'Running', {
      ManifestValid: 'Unknown/Missing',
      PruneBlocked: 'True/TooManyDeletions',
    });
    assert.equal(messageOf(summary, 'PruneBlocked'), '5 of 8 would go');
  });
  test('names no confirmation where nobody can confirm', () => {
    const desired: Desired = {
      ...present(webManifest()),
      heldBecause: { reason: 'DirectoryMissing', message: 'the directory is gone' },
    };
    const summary = check({ desired }, 'Running', { PruneBlocked: 'True/DirectoryMissing' });
    assert.equal(messageOf(summary, 'PruneBlocked'), 'the directory is gone');
  });
});

describe('a name of which nothing valid is known', () => {
  test('is Invalid, with every problem', () => {
    const desired: Desired = { state: 'unknown', problems: [PROBLEM], reason: 'invalid' };
    const summary = check({ desired, observed: nothingYet() }, 'Invalid', {
      Ready: 'False/ManifestInvalid',
      ManifestValid: 'False/Invalid',
    });
    assert.match(messageOf(summary, 'Ready'), /^web\.yaml:7:16: /);
  });
  test('but runs is still Ready', () => {
    const desired: Desired = { state: 'unknown', problems: [], reason: 'no file can be read' };
    check({ desired }, 'Running', { Ready: 'True/Unknown', ManifestValid: 'Unknown/Missing' });
  });
  test('and does not run is Unknown', () => {
    const desired: Desired = { state: 'unknown', problems: [], reason: 'no file can be read' };
    check({ desired, observed: downAsDesired() }, 'Unknown', { Ready: 'False/Unknown' });
  });
});

describe('a guest on its way down', () => {
  const stopping = (request: Observed['request']) =>
    running(({ unit }) => ({ unit: { ...unit, activeState: 'deactivating' }, request }));
  const asked = { verb: 'stop', invocationId: '', reason: 'nspawnctl', at: NOW } as const;

  test('powers off when it was asked to', () => {
    const summary = check({ observed: stopping(asked) }, 'Stopping', { Ready: 'False/Stopping' });
    assert.equal(messageOf(summary, 'Ready'), 'the guest is powering off');
  });
  test('is killed when it was to end at once', () => {
    const observed = stopping({ ...asked, isForced: true });
    const summary = check({ observed }, 'Stopping', { Ready: 'False/Stopping' });
    assert.equal(messageOf(summary, 'Ready'), 'the guest is being killed');
    assert.equal(summary.waitingFor, 'the guest is being killed');
  });
});

describe('a container that is removed', () => {
  test('says so when it waits until it is resumed', () => {
    const observed = running(() => ({ suspension: { since: NOW, until: null } }));
    check({ desired: { state: 'absent' }, observed }, 'Removing', { Suspended: 'True/Asked' });
    check({ desired: { state: 'absent' } }, 'Removing', { Suspended: null });
  });
  test('waits for its stop', () => {
    const summary = check({ desired: { state: 'absent' } }, 'Removing', { Ready: 'False/Removing' });
    assert.equal(summary.waitingFor, 'the guest is powering off');
  });
  test('says what went wrong with it', () => {
    const error = { code: 'FileError', message: 'read-only file system', isFinal: false };
    const summary = check({ desired: { state: 'absent' }, observed: downAsDesired(), error }, 'Removing', {
      Ready: 'False/Removing',
    });
    assert.equal(messageOf(summary, 'Ready'), 'read-only file system');
  });
});

describe('NetworkReady', () => {
  const host = manifestOf('web', { root: '/var/lib/machines/web' });
  test("is True for the host's network", () => {
    check({ desired: present(host), observed: runningAsDesired(host) }, 'Running', {
      NetworkReady: 'True/HostNetwork',
    });
  });
  test('is False while anything drifts', () => {
    const observed = running(({ sandbox }) => ({ sandbox: { ...sandbox, guard: [] } }));
    const summary = check({ observed }, 'Running', { NetworkReady: 'False/SandboxIncomplete' });
    assert.equal(messageOf(summary, 'NetworkReady'), 'missing source guard for 10.231.136.2');
  });
  test('names what is in its place and not ours, also under a running guest', () => {
    const link = running(({ sandbox }) => ({
      sandbox: { ...sandbox, hostLink: sandbox.hostLink && { ...sandbox.hostLink, alias: '' } },
    }));
    const summary = check({ observed: link }, 'Running', { NetworkReady: 'False/ForeignLink' });
    assert.match(messageOf(summary, 'NetworkReady'), /ve-web was not made by nspawnd; remove it/);
    const namespace = running(({ sandbox }) => ({ sandbox: { ...sandbox, namespace: 'foreign' } }));
    check({ observed: namespace }, 'Running', { NetworkReady: 'False/ForeignNamespace' });
  });
  test("is False while the guest still shares the host's", () => {
    const observed = running(({ sandbox }) => ({ sandbox: { ...sandbox, isPrivate: false } }));
    check({ observed }, 'Running', { NetworkReady: 'False/RestartRequired' });
  });
});

describe('only when abnormal:', () => {
  test('CrashLooping', () => {
    const observed = running(({ history }) => ({
      history: { ...history, recentRestarts: [NOW - 3, NOW - 2, NOW - 1], lastFailure: 'it exited' },
    }));
    const summary = check({ observed }, 'Running', { CrashLooping: 'True/TooManyRestarts' });
    assert.equal(messageOf(summary, 'CrashLooping'), '3 restarts in ten minutes: it exited');
  });
  test('RestartRequired after an edit that nobody restarts for', () => {
    const before = webManifest({ restartIfChanged: false });
    const after = webManifest({ restartIfChanged: false, volatile: 'overlay' });
    const summary = check({ desired: present(after), observed: runningAsDesired(before) }, 'Running', {
      RestartRequired: 'True/SpecChanged',
      Ready: 'True/Ready',
    });
    assert.match(messageOf(summary, 'RestartRequired'), /nspawnctl restart web$/);
  });
  test('RestartRequired under a newer renderer', () => {
    const observed = running(({ process }) => ({ process: process && { ...process, renderer: '0' } }));
    check({ observed }, 'Running', { RestartRequired: 'True/NewRenderer', Ready: 'True/Ready' });
  });
  test('RestartRequired is nothing for what is down', () => {
    const observed = down(({ unitFile }) => ({ unitFile: { ...unitFile, text: 'old' } }));
    check({ observed }, 'Stopped', { RestartRequired: null });
  });
  test('HostReady for the inotify limit', () => {
    const observed: Observed = {
      ...nothingYet(),
      host: { ...HOST, guestCapacity: { limit: 16, running: 16, inotifyInstances: 128 } },
    };
    const summary = check({ observed }, 'Pending', {
      HostReady: 'False/InotifyInstances',
      Ready: 'False/InotifyInstances',
      Reconciling: 'True/InotifyInstances',
    });
    assert.match(messageOf(summary, 'HostReady'), /^fs\.inotify\.max_user_instances is 128, .*sysctl -w/);
  });
  test('HostReady while machined does not answer, of one that runs and one that is to', () => {
    const machinedFault = 'org.freedesktop.machine1 GetAll: no answer within 2000 ms';
    const summary = check({ observed: running(() => ({ machine: null, machinedFault })) }, 'Running', {
      HostReady: 'False/MachinedUnavailable',
      Ready: 'True/Ready',
      Reconciling: null,
    });
    assert.match(
      messageOf(summary, 'HostReady'),
      /^systemd-machined does not answer: .*systemctl status systemd-machined .*no answer within 2000 ms/,
    );
    check({ observed: { ...nothingYet(), machinedFault } }, 'Pending', {
      HostReady: 'False/MachinedUnavailable',
      Ready: 'False/MachinedUnavailable',
      Reconciling: 'True/MachinedUnavailable',
    });
    check({ observed: { ...downAsDesired(), machinedFault } }, 'Stopped', { HostReady: null });
  });
  test('HostReady for a limit of the kernel, by the words of what failed', () => {
    const { unit, history } = downAsDesired();
    const lastFailure =
      'it failed, and how could not be recorded (exit-code): clone() failed: Resource temporarily unavailable';
    const observed: Observed = {
      ...downAsDesired(),
      unit,
      ended: null,
      history: {
        ...history,
        launch: { at: NOW, isCounted: true },
        failures: 1,
        nextRetryAt: NOW + 700,
        lastFailure,
      },
    };
    const summary = check({ observed }, 'BackOff', {
      HostReady: 'False/ProcessLimit',
      Ready: 'False/BackOff',
    });
    assert.match(
      messageOf(summary, 'HostReady'),
      /kernel\.pid_max.* clone\(\) failed: Resource temp\w+ unavailable$/,
    );
  });
  test('Reconciling for what it depends on, naming each and why', () => {
    const db = { name: 'db', because: 'Stopped: stopped by request' };
    const cache = { name: 'cache', because: 'there is no such container' };
    const waiting = (...notReady: NonNullable<Observed['gate']>['notReady']) =>
      check({ observed: { ...nothingYet(), gate: { notReady, ahead: 0 } } }, 'Pending', {
        Ready: 'False/DependencyNotReady',
        Reconciling: 'True/DependencyNotReady',
      });
    assert.equal(messageOf(waiting(db), 'Ready'), 'waits until db is Ready: Stopped: stopped by request');
    assert.equal(
      messageOf(waiting(db, cache), 'Reconciling'),
      'waits until all of these are Ready:\n  db: Stopped: stopped by request\n  cache: there is no such container',
    );
  });
  test('Reconciling for its turn to boot', () => {
    const summary = check({ observed: { ...nothingYet(), gate: { notReady: [], ahead: 12 } } }, 'Pending', {
      Ready: 'False/BootSlot',
      Reconciling: 'True/BootSlot',
    });
    assert.equal(messageOf(summary, 'Ready'), 'its turn to boot comes after 12 others');
  });
  test('MachineIdShared names the others', () => {
    const observed = running(({ machine }) => ({
      machine: machine && { ...machine, sharesIdWith: ['a', 'b'] },
    }));
    const summary = check({ observed }, 'Running', { MachineIdShared: 'True/SameTree' });
    assert.match(messageOf(summary, 'MachineIdShared'), /^the same machine-id as a, b: /);
  });
  test('Reconciling is not said while only failures are to be forgotten', () => {
    const observed = running(({ history, unit }) => ({
      unit: { ...unit, activeAt: NOW - 1000 },
      history: { ...history, failures: 1 },
    }));
    const summary = check({ observed }, 'Running', { Reconciling: null, Ready: 'True/Ready' });
    assert.equal(summary.waitingFor, null);
  });
});
