import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/api/manifest.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import {
  downAsDesired,
  EARLIER_INVOCATION,
  endedBy,
  guestLinkWith,
  HOST,
  manifestOf,
  NOW,
  nothingYet,
  present,
  webManifest,
} from './base-state.ts';
import { checkPlan } from './check-plan.ts';

/** A container that a person stopped and for which all is prepared, with one thing changed, and the plan that follows. */
function check(
  expected: readonly string[],
  change: (observed: Observed) => Partial<Observed> = () => ({}),
  spec: JsonObject = {},
): void {
  const manifest = webManifest(spec);
  const observed = downAsDesired(manifest);
  checkPlan(present(manifest), { ...observed, ...change(observed) }, expected);
}

/** The same container, asked to start. */
function checkStart(
  expected: readonly string[],
  change: (observed: Observed) => Partial<Observed> = () => ({}),
  spec: JsonObject = {},
): void {
  check(expected, observed => ({ request: START, ...change(observed) }), spec);
}

const START: Observed['request'] = { verb: 'start', invocationId: '', reason: 'nspawnctl start', at: NOW };
const STOP: Observed['request'] = { ...START, verb: 'stop', reason: 'nspawnctl stop' };
const LAUNCH = [
  'launch asked SPEC (nspawnctl start)',
  'clearRequest (it was launched)',
  'waiting for Starting',
];
const DEVICES = { macvlans: ['eth1'], interfaces: ['eth2'] };
const SANDBOX = 'buildSandbox ve-web [10.231.136.1/32] <-> eth0 [10.231.136.2/32]';

test('everything is as desired; nothing to do', () => check([]));

describe('a new container', () => {
  const prepared = [
    `${SANDBOX} (there is no namespace)`,
    'writeGuestHosts (the guest is to know the others by name)',
    'writeUnit (there is no unit)',
  ];
  test('is prepared and launched', () => {
    checkPlan(present(webManifest()), nothingYet(), [
      ...prepared,
      'launch first SPEC (it has not run since boot)',
      'waiting for Starting',
    ]);
  });
  test('with autoStart: false is prepared and not launched', () => {
    const manifest = webManifest({ autoStart: false });
    checkPlan(present(manifest), nothingYet(manifest), prepared);
  });
  test('without a network of its own gets no sandbox and no hosts file', () => {
    const manifest = manifestOf('web', { root: '/var/lib/machines/web' });
    checkPlan(present(manifest), nothingYet(manifest), [
      'writeUnit (there is no unit)',
      'launch first SPEC (it has not run since boot)',
      'waiting for Starting',
    ]);
  });
  test('of a bare tree gets the directories and the FIFO, in order', () => {
    const manifest = webManifest({ readiness: 'fifo' });
    const observed = nothingYet(manifest);
    const missing = ['etc', 'var', 'var/lib', 'etc/os-release'];
    checkPlan(present(manifest), { ...observed, root: { ...observed.root, missing } }, [
      'prepareRoot /var/lib/machines/web [etc var var/lib etc/os-release] (missing: etc, var, var/lib, etc/os-release)',
      'createFifo (readiness: fifo)',
      ...prepared,
      'launch first SPEC (it has not run since boot)',
      'waiting for Starting',
    ]);
  });
  test('is not launched while the host shuts down', () => {
    checkPlan(present(webManifest()), { ...nothingYet(), host: { ...HOST, isStopping: true } }, [
      'waiting for HostStopping',
    ]);
  });
});

describe('a request', () => {
  test('to start launches it', () => checkStart(LAUNCH));
  test('to restart launches what is down', () => {
    check(
      ['launch asked SPEC (nspawnctl restart)', 'clearRequest (it was launched)', 'waiting for Starting'],
      () => ({ request: { ...START, verb: 'restart', reason: 'nspawnctl restart' } }),
    );
  });
  test('to start also with autoStart: false', () => checkStart(LAUNCH, undefined, { autoStart: false }));
  test('to start skips the backoff and forgets the failures', () => {
    const observed = endedBy({});
    checkPlan(
      present(webManifest()),
      {
        ...observed,
        request: START,
        history: {
          ...observed.history,
          failures: 4,
          nextRetryAt: NOW + 8000,
          countedInvocationId: EARLIER_INVOCATION,
        },
      },
      [
        'resetFailed (a failed unit keeps its old definition loaded)',
        'resetHistory (nspawnctl start)',
        ...LAUNCH,
      ],
    );
  });
  test('to stop what a stop has ended already is fulfilled', () => {
    check(['clearRequest (it is down)'], () => ({ request: STOP }));
  });
  test('to stop what is down by itself is put on disk as a stop', () => {
    check(['recordStopped (nspawnctl stop)', 'clearRequest (it is down)'], ({ ended }) => ({
      request: STOP,
      ended: ended && { ...ended, isRequested: false },
    }));
  });
  test('to stop what has never run is put on disk as a stop', () => {
    checkPlan(present(webManifest()), { ...nothingYet(), request: STOP }, [
      'recordStopped (nspawnctl stop)',
      'clearRequest (it is down)',
    ]);
  });
  test('to stop also when the last run ended by a stop but a retry is due', () => {
    check(['recordStopped (nspawnctl stop)', 'clearRequest (it is down)'], ({ history }) => ({
      request: STOP,
      history: { ...history, failures: 1, nextRetryAt: NOW + 500, countedInvocationId: EARLIER_INVOCATION },
    }));
  });
  test('to stop also when the spec was edited since the last run', () => {
    check(['recordStopped (nspawnctl stop)', 'clearRequest (it is down)'], ({ ended, history }) => ({
      request: STOP,
      ended: ended && { ...ended, specHash: 'v1-0000000000000000' },
      history: { ...history, seenSpecHash: 'v1-0000000000000000' },
    }));
  });
});

describe('an edit', () => {
  test('starts what was stopped', () => {
    check(
      [
        'writeUnit (the unit differs)',
        'launch edited SPEC (the spec changed since it last ran)',
        'waiting for Starting',
      ],
      ({ ended, history, unitFile }) => ({
        ended: ended && { ...ended, specHash: 'v1-0000000000000000' },
        history: { ...history, seenSpecHash: 'v1-0000000000000000' },
        unitFile: { ...unitFile, text: `${unitFile.text}# of the earlier spec\n` },
      }),
    );
  });
  test('of which only the record of the end knows starts it too', () => {
    check(
      ['launch edited SPEC (the spec changed since it last ran)', 'waiting for Starting'],
      ({ ended, history }) => ({
        ended: ended && { ...ended, specHash: 'v1-0000000000000000' },
        history: { ...history, seenSpecHash: '' },
      }),
    );
  });
  test('that was applied live before a stop does not undo the stop', () => {
    check([], ({ ended }) => ({ ended: ended && { ...ended, specHash: 'v1-0000000000000000' } }));
  });
  test('does not start what only people start', () => {
    check(
      [],
      ({ ended, history }) => ({
        ended: ended && { ...ended, specHash: 'v1-0000000000000000' },
        history: { ...history, seenSpecHash: 'v1-0000000000000000' },
      }),
      { autoStart: false },
    );
  });
});

describe('what a start needs is put right even while nobody starts it:', () => {
  test('the unit', () => {
    check(['writeUnit (the unit differs)'], ({ unitFile }) => ({ unitFile: { ...unitFile, text: 'old' } }));
  });
  test('the unit of another renderer', () => {
    check(['writeUnit (the unit differs)'], ({ unitFile }) => ({
      unitFile: { ...unitFile, text: unitFile.text.replace('NSPAWND_RENDERER=', 'NSPAWND_RENDERER=0') },
    }));
  });
  test('the sandbox after a run, since that may have left rules and routes in it', () => {
    check(
      ['removeSandbox (the last run may have changed it)', `${SANDBOX} (the last run may have changed it)`],
      ({ sandbox }) => ({ sandbox: { ...sandbox, builtAfter: 'the run before' } }),
    );
  });
  test('the sandbox, piece by piece', () => {
    check(
      [`${SANDBOX} (the host link is down, missing guest route default via 10.231.136.1)`],
      ({ sandbox }) => ({
        sandbox: {
          ...sandbox,
          hostLink: sandbox.hostLink && { ...sandbox.hostLink, isUp: false },
          guestLink: guestLinkWith(sandbox, () => ({ routes: ['10.231.136.1'] })),
        },
      }),
    );
  });
  test('the guest hosts file', () => {
    check(['writeGuestHosts (the guest is to know the others by name)'], () => ({ guestHosts: 'absent' }));
  });
  test('a FIFO that nobody listens to any more', () => {
    check(
      ['createFifo (readiness: fifo)'],
      () => ({ fifo: { exists: true, isListening: false, startedInvocationId: '' } }),
      { readiness: 'fifo' },
    );
  });
  test('a FIFO that the last run has written to', () => {
    check(
      ['createFifo (readiness: fifo)'],
      () => ({ fifo: { exists: true, isListening: true, startedInvocationId: EARLIER_INVOCATION } }),
      { readiness: 'fifo' },
    );
  });
  test('a FIFO that is no longer used goes', () => {
    check(['removeFifo (it is no longer used)'], () => ({
      fifo: { exists: true, isListening: true, startedInvocationId: '' },
    }));
  });
  test('a sandbox that is no longer used goes', () => {
    const manifest = manifestOf('web', { root: '/var/lib/machines/web' });
    const { sandbox } = downAsDesired();
    checkPlan(present(manifest), { ...downAsDesired(manifest), sandbox }, [
      'removeSandbox (it has no network of its own)',
    ]);
  });
  test('a macvlan that is no longer wanted goes with the sandbox', () => {
    check(
      [
        'removeSandbox (a macvlan on eth1 is no longer wanted)',
        `${SANDBOX} (a macvlan on eth1 is no longer wanted)`,
      ],
      ({ sandbox }) => ({ sandbox: { ...sandbox, macvlans: ['eth1'] } }),
    );
  });
  test("a macvlan, but not an interface of the host: that is the host's while nothing runs", () => {
    check(
      [
        'buildSandbox ve-web [10.231.136.1/32] <-> eth0 [10.231.136.2/32], mv-eth1 on eth1 (there is no macvlan on eth1)',
      ],
      ({ sandbox }) => ({ sandbox: { ...sandbox, macvlans: [] } }),
      DEVICES,
    );
  });
  test("somebody else's namespace of that name stays when none of ours is used", () => {
    const manifest = manifestOf('web', { root: '/var/lib/machines/web' });
    const { sandbox } = downAsDesired();
    checkPlan(
      present(manifest),
      { ...downAsDesired(manifest), sandbox: { ...sandbox, builtAfter: null, namespace: 'foreign' } },
      [],
    );
  });
  test('a stale registration', () => {
    check(['terminateMachine leader 77 (its registration outlived it)'], () => ({ machine: machine({}) }));
  });
  test('copies that killed ephemeral guests left behind', () => {
    check(
      [
        'removeCopy /var/lib/machines/.#machine.web0123456789abcdef (a killed ephemeral guest left it behind)',
        'removeCopy /var/lib/machines/.#machine.webfedcba9876543210 (a killed ephemeral guest left it behind)',
      ],
      () => ({
        leftoverCopies: [
          '/var/lib/machines/.#machine.web0123456789abcdef',
          '/var/lib/machines/.#machine.webfedcba9876543210',
        ],
      }),
    );
  });
});

describe('interfaces of the host', () => {
  const sandbox = `${SANDBOX}, mv-eth1 on eth1, with eth2`;
  const lent = (place: 'sandbox' | 'host' | 'lost') => [{ name: 'eth2', place }];

  test('are moved in right before a start', () => {
    checkStart([`${sandbox} (eth2 is not in the sandbox)`, ...LAUNCH], () => ({}), DEVICES);
  });
  test('go back when the guest has ended, wherever it left them', () => {
    for (const place of ['sandbox', 'host', 'lost'] as const) {
      check(
        ['removeSandbox (the host gets eth2 back)', `${SANDBOX}, mv-eth1 on eth1 (the host gets eth2 back)`],
        observed => ({ sandbox: { ...observed.sandbox, lent: lent(place) } }),
        DEVICES,
      );
    }
  });
  test('go back also when the next start is stalled', () => {
    check(
      ['removeSandbox (the host gets eth2 back)', 'stalled by RootMissing'],
      ({ sandbox: facts, root }) => ({
        sandbox: { ...facts, lent: lent('sandbox') },
        root: { ...root, state: 'missing' },
      }),
      DEVICES,
    );
  });
  test('go back when none are wanted any more', () => {
    check(
      ['removeSandbox (the host gets eth2 back)', `${SANDBOX} (the host gets eth2 back)`],
      ({ sandbox: facts }) => ({
        sandbox: { ...facts, lent: lent('sandbox') },
      }),
    );
    const manifest = manifestOf('web', { root: '/var/lib/machines/web' });
    const observed = downAsDesired(manifest);
    checkPlan(present(manifest), { ...observed, sandbox: { ...observed.sandbox, lent: lent('sandbox') } }, [
      'removeSandbox (it has no network of its own)',
    ]);
  });
  test('that are not there are waited for', () => {
    const missing = (name: string, state: 'missing' | 'unusable') => (observed: Observed) => ({
      request: START,
      sandbox: {
        ...observed.sandbox,
        hostInterfaces: observed.sandbox.hostInterfaces.map(found =>
          found.name === name ? { ...found, state } : found,
        ),
      },
    });
    for (const name of ['eth1', 'eth2']) {
      check(['stalled by InterfaceMissing'], missing(name, 'missing'), DEVICES);
      check(['stalled by InterfaceUnusable'], missing(name, 'unusable'), DEVICES);
    }
  });
  test('alone need no pair', () => {
    const spec = { privateNetwork: false, hostAddress: null, localAddress: null, ...DEVICES };
    const { hostAddress: _host, localAddress: _local, ...written } = { ...webManifest().written, ...spec };
    const manifest = manifestOf('web', written);
    checkPlan(present(manifest), nothingYet(manifest), [
      'buildSandbox mv-eth1 on eth1, with eth2 (there is no namespace)',
      'writeUnit (there is no unit)',
      'launch first SPEC (it has not run since boot)',
      'waiting for Starting',
    ]);
  });
});

describe('the order of a launch', () => {
  test('is clean up, prepare, launch, then the request is fulfilled', () => {
    const manifest = webManifest({ readiness: 'fifo' });
    const observed = nothingYet(manifest);
    checkPlan(
      present(manifest),
      {
        ...observed,
        request: START,
        unit: { ...observed.unit, activeState: 'failed', fragmentPath: observed.unitFile.path },
        unitFile: { ...observed.unitFile, owner: 'ours', text: 'old' },
        machine: machine({}),
        root: { ...observed.root, missing: ['etc/os-release'] },
        history: { ...observed.history, failures: 2 },
        leftoverCopies: ['/var/lib/machines/.#machine.web0123456789abcdef'],
      },
      [
        'resetFailed (a failed unit keeps its old definition loaded)',
        'terminateMachine leader 77 (its registration outlived it)',
        'removeCopy /var/lib/machines/.#machine.web0123456789abcdef (a killed ephemeral guest left it behind)',
        'prepareRoot /var/lib/machines/web [etc/os-release] (missing: etc/os-release)',
        'createFifo (readiness: fifo)',
        `${SANDBOX} (there is no namespace)`,
        'writeGuestHosts (the guest is to know the others by name)',
        'writeUnit (the unit differs)',
        'resetHistory (nspawnctl start)',
        ...LAUNCH,
      ],
    );
  });
});

describe('a launch waits', () => {
  test('while systemd has only queued it, and is not counted as one that came to nothing', () => {
    check(['waiting for JobPending until +1000'], ({ unit, history }) => ({
      unit: { ...unit, hasJob: true },
      ended: null,
      history: { ...history, launch: { at: NOW, isCounted: false } },
    }));
  });
  describe('whose start was taken back before systemd began it', () => {
    const canceledAt = (at: number) => (observed: Observed) => ({
      unit: { ...observed.unit, jobCanceledAt: at },
      ended: null,
      history: { ...observed.history, launch: { at: NOW - 50, isCounted: false } },
    });
    test('is stopped by request', () => {
      check(['recordStopped (its start was taken back)'], canceledAt(NOW - 50));
    });
    test('is one that came to nothing where that was another start', () => {
      check(
        [
          'recordFailure #1, next try at 2026-01-02T03:04:05.896Z (it was started and left no trace of having run)',
        ],
        canceledAt(NOW - 51),
      );
    });
    test('is started where it was edited since, as after any stop', () => {
      check(['launch edited SPEC (the spec changed since it last ran)', 'waiting for Starting'], observed => {
        const taken = canceledAt(NOW)(observed);
        return { ...taken, history: { ...taken.history, seenSpecHash: 'v1-0' } };
      });
    });
    test('is started all the same when it is asked for', () => {
      checkStart(LAUNCH, canceledAt(NOW));
    });
  });
  test('until machined has let go of the last run', () => {
    checkStart(['waiting for MachineEnding until +200'], () => ({
      machine: machine({ isLeaderAlive: true }),
    }));
  });
  test('for a machined that does not answer, with everything else done', () => {
    checkStart(
      ['writeUnit (the unit differs)', 'waiting for MachinedUnavailable until +10000'],
      ({ unitFile }) => ({ machinedFault: 'no answer', unitFile: { ...unitFile, text: 'old' } }),
    );
  });
  test("for the kernel's inotify limit, with everything else done", () => {
    checkStart(['writeUnit (the unit differs)', 'waiting for InotifyInstances'], ({ unitFile }) => ({
      host: { ...HOST, guestCapacity: { limit: 16, running: 16, inotifyInstances: 128 } },
      unitFile: { ...unitFile, text: 'old' },
    }));
  });
  const held = (gate: Partial<NonNullable<Observed['gate']>>) => () => ({
    gate: { notReady: [], ahead: 0, ...gate },
  });
  const DB = [{ name: 'db', because: 'Starting: the guest is booting' }];
  test('for what it depends on, with everything else done', () => {
    checkStart(['writeUnit (the unit differs)', 'waiting for DependencyNotReady'], ({ unitFile }) => ({
      ...held({ notReady: DB })(),
      unitFile: { ...unitFile, text: 'old' },
    }));
  });
  test('for its turn to boot', () => checkStart(['waiting for BootSlot'], held({ ahead: 3 })));
  test('for what it depends on before its turn, and for room on the host before both have to', () => {
    checkStart(['waiting for DependencyNotReady'], held({ notReady: DB, ahead: 3 }));
    checkStart(['waiting for InotifyInstances'], () => ({
      ...held({ ahead: 3 })(),
      host: { ...HOST, guestCapacity: { limit: 16, running: 16, inotifyInstances: 128 } },
    }));
  });
  test('for nobody who does not object', () => checkStart(LAUNCH, held({})));
  test('for others while the host keeps the interfaces it is to have', () => {
    checkStart(['waiting for BootSlot'], held({ ahead: 1 }), DEVICES);
  });
  test('for nothing while it is to stay down', () => check([], held({ notReady: DB, ahead: 3 })));
  test('not while the limit leaves room', () => {
    checkStart(LAUNCH, () => ({
      host: { ...HOST, guestCapacity: { limit: 16, running: 15, inotifyInstances: 128 } },
    }));
  });
  test('for its backoff, with everything prepared', () => {
    const observed = endedBy({});
    checkPlan(
      present(webManifest()),
      {
        ...observed,
        guestHosts: 'absent',
        history: {
          ...observed.history,
          failures: 2,
          nextRetryAt: NOW + 1900,
          countedInvocationId: EARLIER_INVOCATION,
        },
      },
      [
        'resetFailed (a failed unit keeps its old definition loaded)',
        'writeGuestHosts (the guest is to know the others by name)',
        'waiting for BackOff until +1900',
      ],
    );
  });
});

describe('an obstacle', () => {
  const obstacles: Readonly<
    Record<string, readonly [reason: string, change: (observed: Observed) => Partial<Observed>]>
  > = {
    'a mask': ['UnitShadowed', ({ unit }) => ({ unit: { ...unit, loadState: 'masked' } })],
    'a unit of that name elsewhere': [
      'UnitShadowed',
      ({ unit }) => ({ unit: { ...unit, fragmentPath: '/etc/systemd/system/container@web.service' } }),
    ],
    'a file that we did not write where we would': [
      'UnitShadowed',
      ({ unitFile }) => ({ unitFile: { ...unitFile, owner: 'foreign', text: '[Service]\n' } }),
    ],
    'a root that does not exist': ['RootMissing', ({ root }) => ({ root: { ...root, state: 'missing' } })],
    'a root that is a file': [
      'RootNotADirectory',
      ({ root }) => ({ root: { ...root, state: 'not-a-directory' } }),
    ],
    'a root that is a symlink': ['RootIsSymlink', ({ root }) => ({ root: { ...root, state: 'symlink' } })],
    'a root with a symlink for its etc': [
      'RootUnsafe',
      ({ root }) => ({ root: { ...root, state: 'unsafe' } }),
    ],
    "somebody else's namespace": [
      'ForeignNamespace',
      ({ sandbox }) => ({ sandbox: { ...sandbox, namespace: 'foreign', builtAfter: null } }),
    ],
    "somebody else's link": [
      'ForeignLink',
      ({ sandbox }) => ({
        sandbox: { ...sandbox, hostLink: sandbox.hostLink && { ...sandbox.hostLink, alias: '' } },
      }),
    ],
    'a machine of that name outside our unit': [
      'MachineExists',
      () => ({ machine: machine({ isLeaderAlive: true, unit: 'machine-web.scope' }) }),
    ],
  };
  for (const [name, [reason, change]] of Object.entries(obstacles)) {
    test(`${name} stops a start before anything is changed`, () => {
      checkStart([`stalled by ${reason}`], observed => ({
        unitFile: { ...observed.unitFile, text: 'old' },
        guestHosts: 'absent',
        ...change(observed),
      }));
    });
    test(`${name} is reported though nobody starts it`, () => check([`stalled by ${reason}`], change));
  }

  test('does not keep a stop from being put on disk', () => {
    check(['recordStopped (nspawnctl stop)', 'clearRequest (it is down)'], ({ root, ended }) => ({
      request: STOP,
      root: { ...root, state: 'missing' },
      ended: ended && { ...ended, isRequested: false },
    }));
  });
  test('does not keep a failure from being counted', () => {
    const observed = endedBy({});
    checkPlan(present(webManifest()), { ...observed, root: { ...observed.root, state: 'missing' } }, [
      'recordFailure #1, next try at 2026-01-02T03:04:05.880Z (it exited with status 1 (exit-code))',
    ]);
  });
  test('does not keep what is dead from being cleaned up while it waits for its next try', () => {
    const ended = endedBy({ invocationId: 'last' });
    const history = { ...ended.history, countedInvocationId: 'last', failures: 1, nextRetryAt: NOW + 1000 };
    checkPlan(present(webManifest()), { ...ended, history, root: { ...ended.root, state: 'missing' } }, [
      'resetFailed (a failed unit keeps its old definition loaded)',
      'stalled by RootMissing',
    ]);
  });
  test('does not keep what is dead and ours from being cleaned up', () => {
    checkStart(
      ['resetFailed (a failed unit keeps its old definition loaded)', 'stalled by RootMissing'],
      ({ root, unit }) => ({
        root: { ...root, state: 'missing' },
        unit: { ...unit, activeState: 'failed' },
      }),
    );
  });
  test('that is a foreign unit is not touched, though it failed', () => {
    checkStart(['stalled by UnitShadowed'], ({ unit, unitFile }) => ({
      unit: { ...unit, activeState: 'failed' },
      unitFile: { ...unitFile, owner: 'foreign', text: '[Service]\n' },
    }));
  });
  test('of the network is none without privateNetwork', () => {
    const manifest = manifestOf('web', { root: '/var/lib/machines/web' });
    const { sandbox } = downAsDesired();
    checkPlan(
      present(manifest),
      {
        ...downAsDesired(manifest),
        request: START,
        sandbox: { ...sandbox, namespace: 'foreign', builtAfter: null },
      },
      LAUNCH,
    );
  });
});

/** Still registered though its unit is down. */
function machine(changes: Partial<NonNullable<Observed['machine']>>): NonNullable<Observed['machine']> {
  return {
    isRegistered: true,
    leader: 77,
    isLeaderAlive: false,
    state: 'running',
    root: '/var/lib/machines/web',
    unit: 'container@web.service',
    id: 'a'.repeat(32),
    sharesIdWith: [],
    ...changes,
  };
}
