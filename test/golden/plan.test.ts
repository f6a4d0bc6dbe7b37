import { test } from 'node:test';
import type { Desired } from '../../src/planning/desired.ts';
import type { Observed } from '../../src/planning/observed.ts';
import { planText } from '../../src/planning/plan-text.ts';
import { plan } from '../../src/planning/planner.ts';
import {
  downAsDesired,
  EARLIER_INVOCATION,
  endedBy,
  NOW,
  nothingYet,
  PATHS,
  present,
  runningAsDesired,
  webManifest,
} from '../unit/planning/base-state.ts';
import { checkGolden } from './golden.ts';

/** What `nspawnctl diff` and the log show, whole. The cases themselves are in test/unit/planning. */
const web = present(webManifest());
const fifo = webManifest({ readiness: 'fifo' });
const running = runningAsDesired();
const failed = endedBy({});

const CASES: Readonly<Record<string, readonly [Desired, Observed]>> = {
  'as-desired': [web, running],
  new: [web, nothingYet()],
  'new-bare-tree-fifo': [
    present(fifo),
    { ...nothingYet(fifo), root: { ...nothingYet(fifo).root, missing: ['etc', 'etc/os-release'] } },
  ],
  'edited-restart': [present(webManifest({ volatile: 'overlay' })), running],
  'edited-address': [present(webManifest({ localAddress: '10.231.136.9' })), running],
  'network-deleted': [
    web,
    {
      ...running,
      sandbox: { ...running.sandbox, namespace: 'absent', isJoined: null, hostLink: null, guestLink: null },
    },
  ],
  failed: [web, failed],
  'backing-off': [
    web,
    {
      ...failed,
      history: {
        ...failed.history,
        failures: 3,
        nextRetryAt: NOW + 4000,
        countedInvocationId: EARLIER_INVOCATION,
        lastFailure: 'it exited with status 1 (exit-code)',
      },
    },
  ],
  'root-missing': [web, { ...nothingYet(), root: { ...nothingYet().root, state: 'missing', realPath: '' } }],
  removed: [{ state: 'absent' }, running],
  'removed-down': [{ state: 'absent' }, downAsDesired(fifo)],
  stopped: [web, downAsDesired()],
};

for (const [name, [desired, observed]] of Object.entries(CASES)) {
  test(`the plan of ${name}`, () => {
    checkGolden(`plan/${name}.txt`, planText(plan(desired, observed, PATHS)));
  });
}
