import fc from 'fast-check';
import { ADOPTED_FROM_ANNOTATION } from '../../../src/api/adopted.ts';
import type { JsonObject, Manifest } from '../../../src/api/manifest.ts';
import type { Desired, RolloutFacts } from '../../../src/planning/desired.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import {
  EARLIER_INVOCATION,
  endedBy,
  HOST,
  INVOCATION,
  manifestOf,
  NOW,
  nothingYet,
  runningAsDesired,
} from './base-state.ts';

/** Any state of the world that the types allow, also those that make no sense: the planner is total. */

const spec: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      privateNetwork: fc.boolean(),
      autoStart: fc.boolean(),
      restartPolicy: fc.constantFrom('OnFailure', 'Always', 'Never'),
      restartIfChanged: fc.boolean(),
      readiness: fc.constantFrom('notify', 'fifo', 'started'),
      volatile: fc.constantFrom('no', 'overlay'),
      guestHosts: fc.boolean(),
      localAddress: fc.constantFrom('10.0.0.2', '10.0.0.3'),
      macvlans: fc.subarray(['eth1']),
      interfaces: fc.subarray(['eth2']),
    },
    { requiredKeys: [] },
  )
  .map(fields => ({ root: '/srv/web', ...fields }));

export const manifests: fc.Arbitrary<Manifest> = fc
  .record({
    written: spec,
    annotations: fc.constantFrom(
      {},
      ...['systemd-nspawn', 'container'].map(unit => ({ [ADOPTED_FROM_ANNOTATION]: `${unit}@web.service` })),
    ),
  })
  .map(({ written, annotations }) => ({ ...manifestOf('web', written), annotations }));

const revision = fc.constant({ revision: 1, specHash: 'v1-0000000000000000' });
const rollout: fc.Arbitrary<RolloutFacts> = fc.record({
  revision: fc.constant(2),
  isProven: fc.boolean(),
  fallback: fc.option(fc.tuple(revision, spec).map(([name, written]) => ({ ...name, written }))),
  refused: fc.option(revision.map(name => ({ ...name, because: 'it failed', at: '' }))),
  stuckBecause: fc.option(fc.constant('taken')),
});

export const desireds: fc.Arbitrary<Desired> = fc.oneof(
  { weight: 5, arbitrary: manifests.map(presentOf) },
  {
    weight: 5,
    arbitrary: fc
      .record({ manifest: manifests, rollout })
      .map(({ manifest, rollout: facts }) => ({ ...presentOf(manifest), rollout: facts })),
  },
  { weight: 1, arbitrary: fc.constant<Desired>({ state: 'absent' }) },
  { weight: 1, arbitrary: fc.constant<Desired>({ state: 'unknown', problems: [], reason: 'unreadable' }) },
);

function presentOf(manifest: Manifest): Extract<Desired, { state: 'present' }> {
  return { state: 'present', manifest, generation: 1, createdAt: '', problems: [] };
}

const time = fc.constantFrom(0, NOW - 700_000, NOW - 5000, NOW - 1, NOW, NOW + 5000, NOW + 9_999_999);
const timeOrNull = fc.option(time);
const invocation = fc.constantFrom('', INVOCATION, EARLIER_INVOCATION);
const hash = fc.constantFrom('', 'v1-0000000000000000', 'v1-1111111111111111');

const unit: fc.Arbitrary<Observed['unit']> = fc.record({
  loadState: fc.constantFrom('loaded', 'not-found', 'masked', 'bad-setting', 'error', 'merged', 'stub'),
  activeState: fc.constantFrom(
    'inactive',
    'activating',
    'active',
    'reloading',
    'deactivating',
    'failed',
    'maintenance',
    'refreshing',
  ),
  subState: fc.constant('any'),
  result: fc.constantFrom('success', 'exit-code'),
  mainPid: fc.constantFrom(0, 4242),
  fragmentPath: fc.constantFrom('', '/run/systemd/system/container@web.service', '/etc/systemd/system/x'),
  dropInPaths: fc.constant([]),
  needsDaemonReload: fc.boolean(),
  hasJob: fc.boolean(),
  invocationId: invocation,
  startedAt: timeOrNull,
  activeAt: timeOrNull,
  stateChangedAt: timeOrNull,
  jobCanceledAt: timeOrNull,
});

const link = fc.option(
  fc.record({
    name: fc.constant('ve-web'),
    alias: fc.constantFrom('', 'nspawnd:web', 'nspawnd:db'),
    isUp: fc.boolean(),
    addresses: fc.subarray(['10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32']),
    routes: fc.subarray(['10.0.0.2', '10.0.0.3', 'default via 10.0.0.1']),
    areSettingsRight: fc.boolean(),
  }),
);

/** A sensible state with any number of its facts replaced by any others. */
export const observeds: fc.Arbitrary<Observed> = fc
  .record({
    base: manifests.chain(manifest =>
      fc.constantFrom(nothingYet(manifest), runningAsDesired(manifest), endedBy({}, manifest)),
    ),
    changes: fc.record(
      {
        unit,
        host: fc
          .record({
            isStopping: fc.boolean(),
            guestCapacity: fc.option(fc.constantFrom({ limit: 1, running: 1, inotifyInstances: 128 })),
          })
          .map(facts => ({ ...HOST, ...facts })),
        unitFile: fc.record({
          owner: fc.constantFrom('none', 'ours', 'foreign'),
          path: fc.constant('/run/systemd/system/container@web.service'),
          text: fc.constantFrom('', 'old'),
        }),
        former: fc.option(
          fc.record({
            unit: fc.constant('systemd-nspawn@web.service'),
            activeState: fc.constantFrom('inactive', 'activating', 'active', 'deactivating', 'failed'),
          }),
        ),
        process: fc.option(
          fc.record({
            specHash: hash,
            launchHash: hash,
            renderer: fc.constantFrom('0', '1'),
            systemPath: fc.constantFrom('', '/nix/store/a-web', '/nix/store/b-web'),
            hasFifo: fc.boolean(),
          }),
        ),
        machinedFault: fc.constantFrom(null, 'no answer'),
        machine: fc.option(
          fc.record({
            isRegistered: fc.boolean(),
            leader: fc.constant(77),
            isLeaderAlive: fc.boolean(),
            state: fc.constantFrom('opening', 'running', 'closing'),
            root: fc.constant('/srv/web'),
            unit: fc.constantFrom('', 'container@web.service', 'machine-web.scope'),
            id: fc.constant('a'),
            sharesIdWith: fc.constant([]),
          }),
        ),
        ended: fc.option(
          fc.record({
            invocationId: invocation,
            specHash: hash,
            isRequested: fc.boolean(),
            result: fc.constantFrom('success', 'exit-code', 'timeout', 'signal'),
            exitCode: fc.constantFrom('', 'exited', 'killed'),
            exitStatus: fc.constantFrom('', '0', '1', '133', 'KILL'),
            at: time,
            lastLines: fc.constantFrom([], ['last']),
          }),
        ),
        request: fc.option(
          fc.record({
            verb: fc.constantFrom('start', 'stop', 'restart'),
            invocationId: invocation,
            isForced: fc.boolean(),
            reason: fc.constant('asked'),
            at: time,
          }),
        ),
        history: fc.record({
          failures: fc.nat({ max: 40 }),
          nextRetryAt: timeOrNull,
          countedInvocationId: invocation,
          launch: fc.option(fc.record({ at: time, isCounted: fc.boolean() })),
          seenSpecHash: hash,
          trial: fc.option(
            fc.record({ generation: fc.nat({ max: 2 }), since: time, failures: fc.nat({ max: 40 }) }),
          ),
          recentRestarts: fc.array(time, { maxLength: 5 }),
          recentReboots: fc.array(time, { maxLength: 6 }),
          restarts: fc.nat(),
          lastFailure: fc.constant('it failed'),
        }),
        root: fc.record({
          state: fc.constantFrom('ready', 'missing', 'not-a-directory', 'symlink', 'unsafe'),
          realPath: fc.constant('/srv/web'),
          missing: fc.subarray(['etc', 'etc/os-release']),
          detail: fc.constant(''),
        }),
        fifo: fc.record({
          exists: fc.boolean(),
          isListening: fc.boolean(),
          startedInvocationId: invocation,
        }),
        sandbox: fc.record({
          namespace: fc.constantFrom('absent', 'ours', 'foreign', 'stale'),
          builtAfter: fc.option(invocation),
          isJoined: fc.option(fc.boolean()),
          isPrivate: fc.option(fc.boolean()),
          hostLink: link,
          guestLink: link,
          guard: fc.subarray(['10.0.0.2', '10.0.0.3']),
          macvlans: fc.subarray(['eth1', 'eth9']),
          hostInterfaces: fc.array(
            fc.record({
              name: fc.constantFrom('eth1', 'eth2'),
              state: fc.constantFrom('present', 'missing', 'unusable'),
              detail: fc.constant(''),
            }),
            { maxLength: 2 },
          ),
          lent: fc.array(
            fc.record({
              name: fc.constantFrom('eth2', 'eth9'),
              place: fc.constantFrom('sandbox', 'host', 'lost'),
            }),
            { maxLength: 2 },
          ),
        }),
        guestHosts: fc.constantFrom('absent', 'present'),
        suspension: fc.constantFrom(null, { since: 0, until: null }, { since: 0, until: 1 }),
        keptSystems: fc.subarray(['/nix/store/a-web', '/nix/store/b-web']),
        leftoverCopies: fc.subarray(['/srv/.#machine.web0123456789abcdef']),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ base, changes }): Observed => ({ ...base, ...changes }) as Observed);
