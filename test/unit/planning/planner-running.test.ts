import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/api/manifest.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import { planText } from '../../../src/planning/plan-text.ts';
import { plan } from '../../../src/planning/planner.ts';
import {
  EARLIER_INVOCATION,
  guestLinkWith,
  INVOCATION,
  manifestOf,
  NOW,
  PATHS,
  present,
  runningAsDesired,
  webManifest,
} from './base-state.ts';
import { checkPlan } from './check-plan.ts';

/** A running guest, with one thing changed, and the plan that follows. */
function check(
  expected: readonly string[],
  change: (observed: Observed) => Partial<Observed> = () => ({}),
  spec: JsonObject = {},
): void {
  const manifest = webManifest(spec);
  const observed = runningAsDesired(manifest);
  checkPlan(present(manifest), { ...observed, ...change(observed) }, expected);
}

/** The same, but the guest was started with an earlier spec. */
function checkEdited(
  expected: readonly string[],
  before: JsonObject,
  after: JsonObject,
  change: (observed: Observed) => Partial<Observed> = () => ({}),
): void {
  const observed = runningAsDesired(webManifest(before));
  checkPlan(present(webManifest(after)), { ...observed, ...change(observed) }, expected);
}

const request = (verb: 'start' | 'stop' | 'restart', invocationId: string): Observed['request'] => ({
  verb,
  invocationId,
  reason: `nspawnctl ${verb}`,
  at: NOW,
});

const TERMINATE: Observed['request'] = {
  verb: 'stop',
  isForced: true,
  invocationId: INVOCATION,
  reason: 'nspawnctl terminate',
  at: NOW,
};

test('everything is as desired; nothing to do', () => check([]));

describe('a host that shuts down', () => {
  test('is left alone, whatever is wrong', () => {
    check(['waiting for HostStopping'], observed => ({
      host: { ...observed.host, isStopping: true },
      request: request('stop', INVOCATION),
      sandbox: { ...observed.sandbox, hostLink: null },
    }));
  });
});

describe('a job that systemd has taken and not begun', () => {
  test('is waited for, whatever else there is to do', () => {
    check(['waiting for JobPending until +1000'], ({ unit, sandbox }) => ({
      unit: { ...unit, hasJob: true },
      request: request('stop', INVOCATION),
      sandbox: { ...sandbox, hostLink: null },
    }));
  });
  test('is no reason to wait once it is under way', () => {
    check(['waiting for Starting'], ({ unit }) => ({
      unit: { ...unit, hasJob: true, activeState: 'activating', activeAt: null },
    }));
  });
});

describe('the text of a plan that stops a guest', () => {
  const textOf = (spec: JsonObject, change: Partial<Observed>) =>
    planText(plan(present(webManifest(spec)), { ...runningAsDesired(), ...change }, PATHS));
  const because = 'the spec changed in a way that takes a restart';

  test('says what follows: of a restart', () => {
    assert.equal(
      textOf({ volatile: 'overlay' }, {}),
      [
        `1. markRestart (${because})`,
        `2. stop (${because})`,
        'waiting for Stopping: the guest is powering off',
        'then it is prepared as the manifest says, and started again',
        '',
      ].join('\n'),
    );
  });
  test('of a stop', () => {
    assert.match(textOf({}, { request: request('stop', INVOCATION) }), /powering off\nthen it stays down\n$/);
  });
  test('of a removal', () => {
    const text = planText(plan({ state: 'absent' }, runningAsDesired(), PATHS));
    assert.match(text, /powering off\nthen everything of it is removed but its root\n$/);
  });
  test('and calls no kill a clean power-off', () => {
    assert.match(textOf({}, { request: TERMINATE }), /waiting for Stopping: the guest is being killed\n/);
  });
});

describe('a request', () => {
  test('to stop stops it', () => {
    check(['stop (nspawnctl stop)', 'waiting for Stopping'], () => ({
      request: request('stop', INVOCATION),
    }));
  });
  test('to stop at once kills it, after systemd has heard that it is to stop', () => {
    check(['stop (nspawnctl terminate)', 'killMain (nspawnctl terminate)', 'waiting for Stopping'], () => ({
      request: TERMINATE,
    }));
  });
  test('to restart stops the run it was meant for', () => {
    check(['stop (nspawnctl restart)', 'waiting for Stopping'], () => ({
      request: request('restart', INVOCATION),
    }));
  });
  test('to restart an earlier run is fulfilled: this is the run that followed', () => {
    check(['clearRequest (it runs)'], () => ({ request: request('restart', EARLIER_INVOCATION) }));
  });
  test('to restart what was down is fulfilled as soon as it runs', () => {
    check(['clearRequest (it runs)'], () => ({ request: request('restart', '') }));
  });
  test('to start is fulfilled as soon as it runs', () => {
    check(['clearRequest (it runs)'], () => ({ request: request('start', '') }));
  });
  test('to stop wins over an edit', () => {
    checkEdited(['stop (nspawnctl stop)', 'waiting for Stopping'], {}, { volatile: 'overlay' }, () => ({
      request: request('stop', INVOCATION),
    }));
  });
  test('to stop reaches a guest that is still starting', () => {
    check(['stop (nspawnctl stop)', 'waiting for Stopping'], observed => ({
      unit: { ...observed.unit, activeState: 'activating', activeAt: null },
      request: request('stop', INVOCATION),
    }));
  });
});

describe('devices of the host under a running guest', () => {
  const spec = { macvlans: ['eth1'], interfaces: ['eth2'] };
  const whole = 've-web [10.231.136.1/32] <-> eth0 [10.231.136.2/32], mv-eth1 on eth1, with eth2';
  const on =
    (change: (sandbox: Observed['sandbox']) => Partial<Observed['sandbox']>) => (observed: Observed) => ({
      sandbox: { ...observed.sandbox, ...change(observed.sandbox) },
    });

  test('are as desired; nothing to do', () => check([], () => ({}), spec));
  test('are given to one that was started without them', () => {
    const free = { lent: [], hostInterfaces: [{ name: 'eth2', state: 'present' as const, detail: '' }] };
    check(
      [`buildSandbox ${whole} (eth2 is not in the sandbox)`],
      on(() => free),
      spec,
    );
  });
  test('are made again where it has deleted them', () => {
    check(
      [`buildSandbox ${whole} (there is no macvlan on eth1)`],
      on(() => ({ macvlans: [] })),
      spec,
    );
  });
  test('are not missed where there is nothing to give', () => {
    const gone = { macvlans: [], lent: [{ name: 'eth2', place: 'lost' as const }] };
    const missing = ['eth1', 'eth2'].map(name => ({ name, state: 'missing' as const, detail: '' }));
    check(
      [],
      on(() => ({ ...gone, hostInterfaces: missing })),
      spec,
    );
  });
  test('that are missing are not in the way of mending the rest', () => {
    const missing = [{ name: 'eth1', state: 'missing' as const, detail: '' }];
    check(
      [`buildSandbox ${whole} (missing source guard for 10.231.136.2)`],
      on(() => ({ guard: [], macvlans: [], hostInterfaces: missing })),
      spec,
    );
  });
  test('come and go with a restart', () => {
    const because = 'the spec changed in a way that takes a restart';
    checkEdited([`markRestart (${because})`, `stop (${because})`, 'waiting for Stopping'], {}, spec);
    checkEdited([`markRestart (${because})`, `stop (${because})`, 'waiting for Stopping'], spec, {});
  });
  test('are neither given nor taken while a changed spec waits for a restart', () => {
    const later = { restartIfChanged: false };
    const noted = 'noteSpec (the running guest has this spec now)';
    checkEdited([noted], later, { ...later, ...spec });
    checkEdited([noted], { ...later, ...spec }, later);
  });
});

describe('an edit', () => {
  const noted = 'noteSpec (the running guest has this spec now)';
  const becauseEdited = 'the spec changed in a way that takes a restart';
  test('that takes a restart marks the run on disk before it stops it', () => {
    checkEdited(
      [`markRestart (${becauseEdited})`, `stop (${becauseEdited})`, 'waiting for Stopping'],
      {},
      { environment: { COLOUR: 'blue' } },
    );
  });
  test('of a field back to its default is an edit too', () => {
    checkEdited(
      [`markRestart (${becauseEdited})`, `stop (${becauseEdited})`, 'waiting for Stopping'],
      { volatile: 'overlay' },
      {},
    );
  });
  test('that takes a restart leaves it alone with restartIfChanged: false', () => {
    checkEdited([noted], { restartIfChanged: false }, { restartIfChanged: false, volatile: 'overlay' });
  });
  test('leaves it cut off from its network with nothing: that takes a restart all the same', () => {
    const because = 'the guest runs in another network namespace than the one of its name';
    const joined = (isPrivate: boolean) => (observed: Observed) => ({
      sandbox: { ...observed.sandbox, isJoined: false, isPrivate },
    });
    const [before, after] = [{ restartIfChanged: false }, { restartIfChanged: false, volatile: 'overlay' }];
    checkEdited(
      [`markRestart (${because})`, `stop (${because})`, 'waiting for Stopping'],
      before,
      after,
      joined(true),
    );
    checkEdited([noted], before, after, joined(false));
  });
  test('that asks for a start-up FIFO expects none of a guest that was launched without', () => {
    const before = { restartIfChanged: false };
    const fifo = { exists: true, isListening: true, startedInvocationId: '' };
    checkEdited([noted], before, { ...before, readiness: 'fifo' }, () => ({ fifo }));
  });
  test('that takes its pair away touches nothing of it before the restart, whatever else is to be mended', () => {
    const later = { restartIfChanged: false };
    const observed = runningAsDesired(webManifest(later));
    const after = manifestOf('web', { ...later, root: '/var/lib/machines/web', interfaces: ['eth2'] });
    const sandbox = { ...observed.sandbox, namespace: 'absent' as const, guestLink: null };
    checkPlan(present(after), { ...observed, sandbox }, [noted]);
  });
  test('never stops a guest that could not be started again', () => {
    checkEdited(['stalled by RootMissing'], {}, { root: '/var/lib/machines/elsewhere' }, observed => ({
      root: { ...observed.root, state: 'missing', realPath: '' },
    }));
  });
  test('of an address moves the address under the running guest', () => {
    checkEdited(
      [
        noted,
        'buildSandbox ve-web [10.231.136.1/32] <-> eth0 [10.231.136.9/32] (missing host route 10.231.136.9, ' +
          'missing guest address 10.231.136.9/32, stale host route 10.231.136.2, ' +
          'missing source guard for 10.231.136.9, stale guest address 10.231.136.2/32)',
      ],
      {},
      { localAddress: '10.231.136.9' },
    );
  });
});

describe('a bad host never stops a running guest:', () => {
  const cases: Readonly<Record<string, (observed: Observed) => Partial<Observed>>> = {
    'its root was unmounted': ({ root }) => ({ root: { ...root, state: 'missing', realPath: '' } }),
    'its root became a file': ({ root }) => ({ root: { ...root, state: 'not-a-directory' } }),
    'its root became a symlink': ({ root }) => ({ root: { ...root, state: 'symlink', detail: '/srv/web' } }),
    'it turned its etc into a symlink': ({ root }) => ({ root: { ...root, state: 'unsafe', detail: 'etc' } }),
    'its unit was masked meanwhile': ({ unit }) => ({ unit: { ...unit, loadState: 'masked' } }),
    'its unit file was replaced by somebody': ({ unitFile }) => ({
      unitFile: { ...unitFile, owner: 'foreign', text: '[Service]\n' },
    }),
    'its unit file was removed': ({ unitFile }) => ({ unitFile: { ...unitFile, owner: 'none', text: '' } }),
    'its unit file was changed and reloaded by somebody': ({ unit, unitFile }) => ({
      unit: { ...unit, needsDaemonReload: true },
      unitFile: { ...unitFile, text: `${unitFile.text}# changed\n` },
    }),
    'machined has forgotten it': () => ({ machine: null }),
    'machined has another leader': ({ machine }) => ({
      machine: machine && { ...machine, isLeaderAlive: false },
    }),
    'its namespace was taken over': ({ sandbox }) => ({
      sandbox: { ...sandbox, namespace: 'foreign', isJoined: null },
    }),
    'its link was replaced by somebody else': ({ sandbox }) => ({
      sandbox: {
        ...sandbox,
        hostLink: sandbox.hostLink && { ...sandbox.hostLink, alias: '', addresses: [] },
      },
    }),
    'another renderer wrote its unit': ({ process }) => ({
      process: process && { ...process, renderer: '0' },
    }),
    'its guest hosts file is gone': () => ({ guestHosts: 'absent' }),
  };
  for (const [name, change] of Object.entries(cases)) test(name, () => check([], change));
});

test('a foreign unit that runs under the name is reported, not stopped', () => {
  check(['stalled by UnitShadowed'], ({ unit }) => ({
    process: null,
    unit: { ...unit, fragmentPath: '/etc/systemd/system/container@web.service' },
  }));
});

describe('the network of a running guest', () => {
  const build = 'buildSandbox ve-web [10.231.136.1/32] <-> eth0 [10.231.136.2/32]';
  const cases: Readonly<
    Record<
      string,
      readonly [change: (sandbox: Observed['sandbox']) => Observed['sandbox'], plan: readonly string[]]
    >
  > = {
    'gets its link back': [
      sandbox => ({ ...sandbox, hostLink: null, guestLink: null }),
      [`${build} (the veth pair is missing)`],
    ],
    'gets its pair back when only one end is left': [
      sandbox => ({ ...sandbox, guestLink: null }),
      [`${build} (the veth pair is missing)`],
    ],
    'gets the name of its namespace back before anything is built in it': [
      sandbox => ({ ...sandbox, namespace: 'absent', isJoined: null, hostLink: null, guestLink: null }),
      ['attachNamespace leader 4250 (the name of its namespace is gone)', `${build} (there is no namespace)`],
    ],
    'gets its namespace back when the name has gone stale': [
      sandbox => ({ ...sandbox, namespace: 'stale', isJoined: null }),
      [
        'attachNamespace leader 4250 (the name of its namespace is gone)',
        `${build} (the namespace is stale)`,
      ],
    ],
    'gets its guard back': [
      sandbox => ({ ...sandbox, guard: [] }),
      [`${build} (missing source guard for 10.231.136.2)`],
    ],
    'is left alone when the guest added an address of its own': [
      sandbox => ({
        ...sandbox,
        guestLink: guestLinkWith(sandbox, ({ addresses }) => ({
          addresses: [...addresses, '192.168.7.7/24'],
        })),
      }),
      [],
    ],
    'costs a restart when the guest sits in another namespace than the one of its name': [
      sandbox => ({ ...sandbox, isJoined: false }),
      [
        'markRestart (the guest runs in another network namespace than the one of its name)',
        'stop (the guest runs in another network namespace than the one of its name)',
        'waiting for Stopping',
      ],
    ],
    "is not mended while the guest shares the host's": [
      sandbox => ({ ...sandbox, isPrivate: false, isJoined: null, hostLink: null }),
      [],
    ],
  };
  for (const [name, [change, expected]] of Object.entries(cases)) {
    test(name, () => check(expected, ({ sandbox }) => ({ sandbox: change(sandbox) })));
  }

  test('gets all of that back also while its root is gone', () => {
    const root = { state: 'missing', realPath: '', missing: [], detail: '' } as const;
    check([`${build} (missing source guard for 10.231.136.2)`], ({ sandbox }) => ({
      root,
      sandbox: { ...sandbox, guard: [] },
    }));
  });
  test('cannot be mended while nobody knows which process sits in it', () => {
    check([], ({ machine, sandbox }) => ({
      machine: machine && { ...machine, isLeaderAlive: false },
      sandbox: { ...sandbox, namespace: 'absent', isJoined: null },
    }));
  });
  test('cannot be mended while machined does not know the guest', () => {
    check([], ({ sandbox }) => ({
      machine: null,
      sandbox: { ...sandbox, namespace: 'absent', isJoined: null, isPrivate: null },
    }));
  });
  test('is given its name again by what its nspawn says, where machined does not answer', () => {
    const attach = 'attachNamespace leader 4250 (the name of its namespace is gone)';
    check([attach, `${build} (there is no namespace)`], ({ machine, sandbox }) => ({
      machine: machine && { ...machine, isRegistered: false },
      machinedFault: 'no answer',
      sandbox: { ...sandbox, namespace: 'absent' },
    }));
  });
  test('is not looked at without privateNetwork', () => {
    const manifest = manifestOf('web', { root: '/var/lib/machines/web' });
    checkPlan(present(manifest), runningAsDesired(manifest), []);
  });
});

describe('a guest that machined does not know', () => {
  const unregistered = ({ machine }: Observed): Partial<Observed> => ({
    machine: machine && { ...machine, isRegistered: false },
  });
  const register = 'registerMachine (it runs, and machined does not know it)';
  test('is registered', () => check([register], unregistered));
  test('is registered after all else, which machined must not be in the way of', () => {
    const clear = 'clearRequest (it runs)';
    check([clear, register], observed => ({
      ...unregistered(observed),
      request: request('start', ''),
    }));
  });
  test('is left alone while machined does not answer', () => {
    check([], observed => ({ ...unregistered(observed), machinedFault: 'no answer' }));
  });
  test('is left alone while it is on its way up, when its nspawn does that', () => {
    check(['waiting for Starting'], ({ unit }) => ({
      machine: null,
      unit: { ...unit, activeState: 'activating', subState: 'start', activeAt: null },
    }));
  });
  test('is stopped like any other, also while machined does not answer', () => {
    check(['stop (nspawnctl stop)', 'waiting for Stopping'], observed => ({
      ...unregistered(observed),
      machinedFault: 'no answer',
      request: request('stop', INVOCATION),
    }));
  });
});

describe('readiness', () => {
  test('of a guest that is still starting is waited for', () => {
    check(['waiting for Starting'], ({ unit }) => ({
      unit: { ...unit, activeState: 'activating', subState: 'start', activeAt: null },
    }));
  });

  const fifo = { readiness: 'fifo' } as const;
  const booting = (activeAt: number) => (observed: Observed) => ({
    unit: { ...observed.unit, activeAt },
    fifo: { exists: true, isListening: true, startedInvocationId: '' },
  });
  test('by FIFO is there when this very run has written to it', () => check([], () => ({}), fifo));
  test('by FIFO is waited for until the start timeout', () => {
    check(['waiting for Starting until +80000'], booting(NOW - 10_000), fifo);
  });
  test('by FIFO that an earlier run wrote to is not there', () => {
    check(
      ['waiting for Starting until +80000'],
      observed => ({
        ...booting(NOW - 10_000)(observed),
        fifo: { exists: true, isListening: true, startedInvocationId: EARLIER_INVOCATION },
      }),
      fifo,
    );
  });
  test('by FIFO is listened for again by a restarted nspawnd', () => {
    check(
      ['listenFifo (the guest will say there that it has started)', 'waiting for Starting until +80000'],
      observed => ({
        ...booting(NOW - 10_000)(observed),
        fifo: { exists: true, isListening: false, startedInvocationId: '' },
      }),
      fifo,
    );
  });
  test('by FIFO is not missed by a look that began before it was due', () => {
    check(
      ['waiting for Starting until +0'],
      observed => ({ ...booting(NOW - 90_000)(observed), lookedAt: NOW - 1 }),
      fifo,
    );
  });
  test('by FIFO that never comes is a counted failure, before it is stopped', () => {
    const cause = 'nothing was written to the start-up FIFO within 90 s';
    check(
      [`recordFailure #1, next try at 2026-01-02T03:04:05.810Z (${cause})`, 'waiting for Stopping'],
      booting(NOW - 90_000),
      fifo,
    );
  });
  const counted = (observed: Observed) => ({
    history: { ...observed.history, failures: 1, countedInvocationId: observed.unit.invocationId },
  });
  test('by FIFO that was counted as missed is stopped, and not counted again', () => {
    const cause = 'nothing was written to the start-up FIFO within 90 s';
    check(
      [`stop (${cause})`, 'waiting for Stopping'],
      observed => ({ ...booting(NOW - 90_000)(observed), ...counted(observed) }),
      fifo,
    );
  });
  test('by FIFO that never comes is counted whatever an earlier run was counted for', () => {
    check(
      [
        `recordFailure #2, next try at 2026-01-02T03:04:07.118Z (nothing was written to the start-up FIFO within 90 s)`,
        'waiting for Stopping',
      ],
      observed => ({
        ...booting(NOW - 90_000)(observed),
        history: { ...observed.history, failures: 1, countedInvocationId: 'an earlier one' },
      }),
      fifo,
    );
  });
  test('is no failure any more, where it comes before anybody stops the guest', () => {
    check(
      ['takeBackFailure (nothing speaks for its stop any more)', 'waiting for Settling until +590000'],
      observed => ({ unit: { ...observed.unit, activeAt: NOW - 10_000 }, ...counted(observed) }),
    );
    check(
      ['takeBackFailure (nothing speaks for its stop any more)', 'waiting for Settling until +0'],
      observed => ({ unit: { ...observed.unit, activeAt: NOW - 600_000 }, ...counted(observed) }),
    );
  });
});

describe('failures of the past', () => {
  const readyFor = (ms: number) => (observed: Observed) => ({
    unit: { ...observed.unit, activeAt: NOW - ms },
    history: { ...observed.history, failures: 3 },
  });
  test('are kept until it was ready for ten minutes', () => {
    check(['waiting for Settling until +1'], readyFor(599_999));
  });
  test('are forgotten then', () => {
    check(['resetHistory (ready for 600 s)', 'waiting for Settling until +0'], readyFor(600_000));
  });
  test('are kept while it only boots for that long', () => {
    check(
      ['waiting for Starting until +3000000'],
      observed => ({
        ...readyFor(600_000)(observed),
        fifo: { exists: true, isListening: true, startedInvocationId: '' },
      }),
      { readiness: 'fifo', timeoutStartSec: 3600 },
    );
  });
});

describe('a guest that is stopping', () => {
  const stopping = (unit: Partial<Observed['unit']>) => (observed: Observed) => ({
    unit: {
      ...observed.unit,
      activeState: 'deactivating',
      subState: 'stop-sigterm',
      activeAt: NOW - 60_000,
      stateChangedAt: NOW - 5000,
      ...unit,
    } as const,
  });
  test('is waited for, without a deadline of ours', () => check(['waiting for Stopping'], stopping({})));
  test('while it was still starting gets two seconds', () => {
    check(['waiting for Stopping until +500'], stopping({ activeAt: null, stateChangedAt: NOW - 1500 }));
  });
  test('while it was still starting gets the second SIGTERM after them', () => {
    check(
      ['killActivating (stopped while starting, it has no handler for a clean stop)', 'waiting for Stopping'],
      stopping({ activeAt: null, stateChangedAt: NOW - 2000 }),
    );
  });
  const younger = { activeAt: NOW - 2050, stateChangedAt: NOW - 2000 };
  const ASK = 'askAgain (stopped right after its start, it may not have heard the first time)';
  test('right after it became active gets two seconds', () => {
    check(['waiting for Stopping until +1'], stopping({ activeAt: NOW - 2049, stateChangedAt: NOW - 1999 }));
  });
  test('right after it became active is then asked again, and again', () => {
    check([ASK, 'waiting for Stopping until +2000'], stopping(younger));
  });
  test('ten seconds after it became active has heard', () => {
    check(['waiting for Stopping'], stopping({ activeAt: NOW - 12_000, stateChangedAt: NOW - 2000 }));
  });
  test('is not asked through the registration of another unit', () => {
    check(['waiting for Stopping'], observed => ({
      ...stopping(younger)(observed),
      machine: observed.machine && { ...observed.machine, unit: 'systemd-nspawn@web.service' },
    }));
  });
  test('is killed when somebody cannot wait', () => {
    check(['killMain (nspawnctl terminate)', 'waiting for Stopping'], observed => ({
      ...stopping({})(observed),
      request: TERMINATE,
    }));
  });
  test('and is dead already is given the time to record its end', () => {
    check(['waiting for Stopping'], observed => ({
      ...stopping({ subState: 'stop-post', mainPid: 0 })(observed),
      request: TERMINATE,
    }));
  });
  test('is not disturbed by requests, edits or drift', () => {
    checkEdited(['waiting for Stopping'], {}, { volatile: 'overlay' }, observed => ({
      ...stopping({})(observed),
      request: request('restart', INVOCATION),
      sandbox: { ...observed.sandbox, hostLink: null },
    }));
  });
});
