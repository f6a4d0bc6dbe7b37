import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  dependenciesAreThoseUsed,
  filesBelongToNoMachine,
  importsHaveNoCycles,
  librariesHaveOnePlace,
  modulesAreInOurStyle,
  pureRoomsDoNothing,
  type Rule,
  roomsKnowOnlyTheirNeighbours,
  tablesHaveNoLeftovers,
} from './architecture/rules.ts';
import { repositoryFiles, type Sources } from './architecture/sources.ts';

/** The picture of the rooms, held up against the imports. The tables are in `architecture/rooms.ts`. */
const everything = repositoryFiles();
const product = Object.fromEntries(
  Object.entries(everything).filter(([file]) => file.startsWith('src/') || file === 'package.json'),
);

function check(rule: Rule, broken: readonly (readonly [Sources, string])[]): void {
  assert.deepEqual(rule(rule === filesBelongToNoMachine ? everything : product), []);
  // A rule that cannot fail says nothing.
  for (const [sources, sentence] of broken) {
    assert.ok(
      rule(sources).includes(sentence),
      `${JSON.stringify(sources)} breaks no rule: ${rule(sources).join('; ')}`,
    );
  }
}

describe('architecture', () => {
  test('rooms know only their neighbours', () => {
    check(roomsKnowOnlyTheirNeighbours, [
      [
        { 'src/planning/planner.ts': "import { run } from '../host/command.ts';\n" },
        'src/planning/planner.ts imports src/host/command.ts',
      ],
      [
        { 'src/api/name.ts': "import type { Plan } from '../planning/plan.ts';\n" },
        'src/api/name.ts imports src/planning/plan.ts',
      ],
      [
        { 'src/manifests/source.ts': "export { run } from '../host/command.ts';\n" },
        'src/manifests/source.ts imports src/host/command.ts',
      ],
      [
        { 'src/host/bus.ts': "import {\n  x,\n} from '../controller/work-queue.ts';\n" },
        'src/host/bus.ts imports src/controller/work-queue.ts',
      ],
      [
        { 'src/server/app.ts': "const x = await import('../manifests/watch.ts');\n" },
        'src/server/app.ts imports src/manifests/watch.ts',
      ],
      [
        { 'src/host/bus.ts': "import { x } from '../controller/ports.ts';\n" },
        'src/host/bus.ts imports more than types from src/controller/ports.ts',
      ],
      [
        { 'src/manifests/claims.ts': "import { hostLinkName } from '../planning/link-name.ts';\n" },
        'src/manifests/claims.ts imports more than types from src/planning/link-name.ts',
      ],
      [
        { 'src/cli/run.ts': "import '../controller/controller.ts';\n" },
        'src/cli/run.ts imports src/controller/controller.ts',
      ],
      [{ 'src/attic/old.ts': "import '../errors.ts';\n" }, 'src/attic/old.ts: attic is in no table of rooms'],
    ]);
  });

  test('planning has no input and output, no clock and no chance; api only its schema', () => {
    check(pureRoomsDoNothing, [
      [
        { 'src/planning/plan.ts': "import { readFile } from 'node:fs/promises';\n" },
        'src/planning/plan.ts imports node:fs/promises',
      ],
      [{ 'src/planning/plan.ts': "import { z } from 'zod';\n" }, 'src/planning/plan.ts imports zod'],
      [{ 'src/api/name.ts': "import { readFileSync } from 'node:fs';\n" }, 'src/api/name.ts imports node:fs'],
      [{ 'src/planning/plan.ts': 'const now = Date.now();\n' }, 'src/planning/plan.ts uses Date.now'],
      [{ 'src/planning/plan.ts': 'const now = new Date();\n' }, 'src/planning/plan.ts uses new Date()'],
      [{ 'src/planning/plan.ts': 'const dice = Math.random();\n' }, 'src/planning/plan.ts uses Math.random'],
      [
        { 'src/planning/plan.ts': 'const at = performance.now();\n' },
        'src/planning/plan.ts uses performance.',
      ],
      [
        { 'src/planning/plan.ts': 'const home = process.env.HOME;\n' },
        'src/planning/plan.ts uses process.env',
      ],
      [{ 'src/planning/plan.ts': 'const id = randomUUID();\n' }, 'src/planning/plan.ts uses randomUUID'],
    ]);
    assert.deepEqual(
      pureRoomsDoNothing({
        'src/planning/plan.ts': '// Date.now() is not used\nnew Date(at).toISOString();\n',
      }),
      [],
      'a given time may be formatted',
    );
  });

  test('each library is imported in its place', () => {
    check(librariesHaveOnePlace, [
      [
        { 'src/host/bus.ts': "import { execa } from 'execa';\n" },
        'src/host/bus.ts imports execa, which belongs to src/host/command.ts and src/host/network-monitor.ts',
      ],
      [
        { 'src/host/bus.ts': "import lodash from 'lodash';\n" },
        'src/host/bus.ts imports lodash, which is in no table of libraries',
      ],
    ]);
    check(tablesHaveNoLeftovers, [[{}, 'pino in src/log.ts is in the table of libraries and nowhere else']]);
  });

  test('the dependencies are those that are used', () => {
    check(dependenciesAreThoseUsed, [
      [{ 'package.json': '{"dependencies":{"pino":"1"}}' }, 'pino is in package.json and never imported'],
      [
        { 'package.json': '{"dependencies":{}}', 'src/log.ts': "import { pino } from 'pino';\n" },
        'pino is imported and not in package.json',
      ],
    ]);
  });

  test('modules are in our style', () => {
    const long = 'const x = 1;\n'.repeat(351);
    check(modulesAreInOurStyle, [
      [{ 'src/a.ts': 'export default 1;\n' }, 'src/a.ts has a default export'],
      [{ 'src/a.ts': 'export enum Colour { Red }\n' }, 'src/a.ts has an enum'],
      [{ 'src/a.ts': 'namespace Old {}\n' }, 'src/a.ts has a namespace'],
      [{ 'src/a.ts': 'class A {\n  constructor(private x: 1) {}\n}\n' }, 'src/a.ts has a parameter property'],
      [
        { 'src/a.ts': 'class A {\n  constructor(a: 1, readonly x: 1) {}\n}\n' },
        'src/a.ts has a parameter property',
      ],
      [{ 'src/host/utils.ts': '' }, 'src/host/utils.ts is not named for what it does'],
      [{ 'src/host/index.ts': '' }, 'src/host/index.ts is not named for what it does'],
      [{ 'src/a.ts': "export * from './b.ts';\n" }, 'src/a.ts is a barrel'],
      [{ 'src/a.ts': long }, 'src/a.ts is longer than 350 lines'],
    ]);
  });

  test('imports have no cycles', () => {
    check(importsHaveNoCycles, [
      [
        {
          'src/a.ts': "import './b.ts';\n",
          'src/b.ts': "import type { C } from './c.ts';\n",
          'src/c.ts': "import './b.ts';\n",
        },
        'src/b.ts -> src/c.ts -> src/b.ts',
      ],
    ]);
  });

  test('files belong to no machine and to no mirror', () => {
    const registry = ['registry', 'npmjs', 'org'].join('.');
    const mirror = ['https', '//my-mirror.example.org'].join(':');
    const home = ['', 'home', 'somebody', 'nspawnd'].join('/');
    check(filesBelongToNoMachine, [
      [{ 'package-lock.json': `"https://${registry}/pino"` }, `package-lock.json names ${registry}`],
      [{ 'README.md': `see ${mirror}/debian` }, `README.md names ${mirror}`],
      [{ 'README.md': `see ${home}/x.txt` }, `README.md names ${home}/x.txt`],
    ]);
  });
});
