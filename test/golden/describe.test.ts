import { test } from 'node:test';
import { describeContainer } from '../../src/cli/view/describe.ts';
import { containerObject } from '../../src/controller/container-object.ts';
import type { Desired } from '../../src/planning/desired.ts';
import type { Observed } from '../../src/planning/observed.ts';
import { plan } from '../../src/planning/planner.ts';
import { summarize } from '../../src/planning/summarize.ts';
import { paintPlain } from '../../src/view/paint.ts';
import {
  downAsDesired,
  endedBy,
  NOW,
  nothingYet,
  PATHS,
  present,
  runningAsDesired,
  webManifest,
} from '../unit/planning/base-state.ts';
import { checkGolden } from './golden.ts';

/** What `nspawnctl describe` says of a container, from states as the planner's tests have them: what is not Ready says why. */
const web = present(webManifest());
const running = runningAsDesired();
const down = downAsDesired();
const crashed = endedBy({ lastLines: ['nginx: [emerg] cannot bind', 'exiting \u001b[2J'] });
const problem = {
  file: '/etc/nspawnd/manifests/web.yaml',
  line: 7,
  column: 3,
  field: 'spec.rot',
  message: 'unknown field; did you mean "root"?',
};

const CASES: Readonly<Record<string, readonly [Desired, Observed]>> = {
  ready: [web, running],
  'ready-with-a-bad-edit': [{ ...web, problems: [problem] }, running],
  'never-valid': [{ state: 'unknown', reason: 'invalid', problems: [problem] }, nothingYet()],
  'root-missing': [
    web,
    { ...nothingYet(), root: { ...nothingYet().root, state: 'missing', realPath: '', missing: [] } },
  ],
  'link-of-somebody-else': [
    web,
    {
      ...nothingYet(),
      sandbox: {
        ...nothingYet().sandbox,
        hostLink: running.sandbox.hostLink === null ? null : { ...running.sandbox.hostLink, alias: 'mine' },
      },
    },
  ],
  'unit-masked': [web, { ...nothingYet(), unit: { ...nothingYet().unit, loadState: 'masked' } }],
  booting: [web, { ...running, unit: { ...running.unit, activeState: 'activating', subState: 'start' } }],
  'backing-off': [
    web,
    {
      ...crashed,
      history: {
        ...crashed.history,
        failures: 3,
        nextRetryAt: NOW + 5_000,
        countedInvocationId: crashed.ended?.invocationId ?? '',
        recentRestarts: [NOW - 3000, NOW - 2000, NOW - 1000],
        lastFailure: 'it exited with status 1',
      },
    },
  ],
  down: [web, down],
};

for (const [name, [desired, observed]] of Object.entries(CASES)) {
  test(`describe: ${name}`, () => {
    const found = plan(desired, observed, PATHS);
    const summary = summarize(desired, observed, found, { error: null });
    const time = new Date(NOW).toISOString();
    const container = containerObject('web', desired, observed, summary, null, time);
    checkGolden(`describe/${name}.txt`, describeContainer({ container, events: [] }, NOW, paintPlain));
  });
}
