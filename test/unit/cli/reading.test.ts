import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { ControlModel } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { NOW, nspawnctl } from './nspawnctl.ts';

const HOSTILE = 'evil\u001b]0;owned\u0007\u001b[31mred\u009b31m\u202egnp.exe\r\nsecond line';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const ago = (ms: number) => new Date(NOW - ms).toISOString();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function threeContainers(): ControlModel {
  const control = new ControlModel();
  control.putRunning('webserver', {
    addresses: ['10.231.136.2', 'fd00::2'],
    leader: 4242,
    createdAt: ago(4 * 24 * HOUR),
    labels: { tier: 'front' },
  });
  control.put('database', {
    phase: 'BackOff',
    ready: 'False',
    reason: 'Failed',
    message: 'nspawn ended with exit status 1',
    restarts: 12,
    createdAt: ago(3 * MINUTE),
  });
  control.put('a', {
    phase: 'Stopped',
    ready: 'False',
    reason: 'Stopped',
    message: 'stopped by request',
    createdAt: ago(5_000),
  });
  return control;
}

describe('get', () => {
  it('shows a table by name, as kubectl would', async t => {
    const { rootSocket } = await serve(t, { control: threeContainers() });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'get']);
    assert.equal(err, '');
    assert.equal(code, 0);
    assert.equal(
      out,
      [
        'NAME        READY   STATUS    RESTARTS   AGE   ADDRESS',
        'a           False   Stopped   0          5s    <none>',
        'database    False   BackOff   12         3m    <none>',
        'webserver   True    Running   0          4d    10.231.136.2,fd00::2',
        '',
      ].join('\n'),
    );
  });

  it('-o wide adds the leader, the manifest and the reason', async t => {
    const { rootSocket } = await serve(t, { control: threeContainers() });
    const { out } = await nspawnctl(['get', '-o', 'wide', 'webserver', 'a', '--socket', rootSocket]);
    assert.equal(
      out,
      [
        'NAME        READY   STATUS    RESTARTS   AGE   ADDRESS                LEADER   MANIFEST                                  REASON',
        'webserver   True    Running   0          4d    10.231.136.2,fd00::2   4242     /etc/nspawnd/manifests/webserver.yaml:1   <none>',
        'a           False   Stopped   0          5s    <none>                 <none>   /etc/nspawnd/manifests/a.yaml:1           Stopped',
        '',
      ].join('\n'),
    );
  });

  it('-o json and yaml give the object for one name and a list otherwise; name gives names', async t => {
    const control = threeContainers();
    const { rootSocket } = await serve(t, { control });
    const get = async (...args: string[]) => (await nspawnctl(['--socket', rootSocket, 'get', ...args])).out;
    assert.deepEqual(JSON.parse(await get('a', '-o', 'json')), control.get('a'));
    assert.deepEqual(parse(await get('a', '-o', 'yaml')), control.get('a'));
    const list = JSON.parse(await get('-ojson'));
    assert.equal(list.kind, 'ContainerList');
    assert.equal(list.metadata.resourceVersion, control.resourceVersion());
    assert.deepEqual(
      list.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['a', 'database', 'webserver'],
    );
    assert.equal(parse(await get('a', 'database', '-o', 'yaml')).items.length, 2);
    assert.equal(await get('-o', 'name'), 'container/a\ncontainer/database\ncontainer/webserver\n');
  });

  it('shows what there is, and says of the rest what may have been meant (66)', async t => {
    const { rootSocket } = await serve(t, { control: threeContainers() });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'get', 'a', 'databse', 'zzzzzzzzz']);
    assert.equal(code, 66);
    assert.match(out, /^NAME .*\na /);
    assert.equal(
      err,
      [
        'nspawnctl: no container "databse"',
        '  did you mean database?',
        'nspawnctl: no container "zzzzzzzzz"',
        '  see what there is: nspawnctl get',
        '',
      ].join('\n'),
    );
  });

  it('says where it looked when there is nothing, and a script still gets its list', async t => {
    const { rootSocket } = await serve(t);
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'get']);
    assert.deepEqual([code, out, err], [0, '', 'No containers found in /etc/nspawnd/manifests.\n']);
    const json = await nspawnctl(['--socket', rootSocket, 'get', '-o', 'json']);
    assert.deepEqual(JSON.parse(json.out).items, []);
  });

  it('tells below the table, on stderr, of problems in files and of held deletions', async t => {
    const control = threeContainers();
    const problem = { line: 1, column: 1, field: '', message: 'bad' };
    control.sourceStatus = {
      ...control.sourceStatus,
      problems: [
        { ...problem, file: '/m/a.yaml' },
        { ...problem, file: '/m/a.yaml' },
        { ...problem, file: '/m/b.yaml' },
      ],
      held: { hash: 'abc', names: ['x', 'y', 'z', 'w'] },
    };
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'get']);
    assert.equal(code, 0);
    assert.equal(
      err,
      [
        '2 files have problems; see nspawnctl validate /etc/nspawnd/manifests',
        '4 deletions held; see nspawnctl prune, which also shows how to confirm',
        '',
      ].join('\n'),
    );
    control.sourceStatus = {
      ...control.sourceStatus,
      problems: [],
      held: null,
      isHealthy: false,
      message: 'gone',
    };
    const sick = await nspawnctl(['--socket', rootSocket, 'get']);
    assert.equal(sick.err, '/etc/nspawnd/manifests: gone\n');
  });

  it('shows a thousand containers in a blink', async t => {
    const control = new ControlModel();
    for (let number = 0; number < 1_000; number += 1) control.putRunning(`container-${number}`);
    const { rootSocket } = await serve(t, { control });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'get']);
    assert.equal(code, 0);
    const lines = out.split('\n');
    assert.equal(lines.length, 1_002);
    assert.equal(new Set(lines.slice(0, -1).map(line => line.search(/True|READY/))).size, 1);
  });

  it('keeps the value of hostile text for programs and its effect from terminals, in every form', async t => {
    const control = new ControlModel();
    control.put('web', {
      phase: 'Failed',
      ready: 'False',
      reason: 'Failed',
      message: HOSTILE,
      labels: { [HOSTILE]: HOSTILE },
      addresses: [HOSTILE],
      spec: { root: '/x', environment: { A: HOSTILE, B: 'plain\ntext' } },
    });
    control.histories.set('web', [
      {
        type: 'Warning',
        reason: HOSTILE,
        message: HOSTILE,
        count: 2,
        firstTimestamp: ago(HOUR),
        lastTimestamp: ago(5_000),
      },
    ]);
    control.sourceStatus = {
      ...control.sourceStatus,
      directory: HOSTILE,
      isHealthy: false,
      message: HOSTILE,
      problems: [{ file: HOSTILE, line: 1, column: 1, field: HOSTILE, message: HOSTILE }],
      held: { hash: HOSTILE, names: [HOSTILE] },
    };
    control.onPreview = async () => [
      {
        name: HOSTILE,
        problems: [{ file: HOSTILE, line: 1, column: 1, field: HOSTILE, message: HOSTILE }],
        changes: [{ field: HOSTILE, before: HOSTILE, after: HOSTILE, changeClass: 'live' }],
        plan: HOSTILE,
      },
    ];
    const { rootSocket } = await serve(t, { control });
    for (const args of [
      ['get'],
      ['get', '-o', 'wide'],
      ['get', 'web', '-o', 'json'],
      ['get', 'web', '-o', 'yaml'],
      ['get', HOSTILE],
      ['describe', 'web'],
      ['describe', HOSTILE],
      ['diff'],
      ['prune'],
      ['prune', '--confirm', 'x'],
      ['stop', HOSTILE],
    ]) {
      const { code, out, err } = await nspawnctl(['--socket', rootSocket, ...args]);
      assert.doesNotMatch(out + err, RAW, args.join(' '));
      assert.notEqual(code, 70, args.join(' '));
      if (args.includes('json')) assert.deepEqual(JSON.parse(out), control.get('web'));
      if (args.includes('yaml')) assert.deepEqual(parse(out), control.get('web'));
    }
  });
});

describe('describe', () => {
  it('shows what it is, how it is, why it is not ready and what to do, and what happened', async t => {
    const control = new ControlModel();
    const at = { lastTransitionTime: ago(3 * MINUTE), observedGeneration: 1 };
    control.put('database', {
      phase: 'BackOff',
      ready: 'False',
      reason: 'Failed',
      message: 'nspawn ended with exit status 1:\nFailed to mount /etc',
      restarts: 4,
      createdAt: ago(3 * MINUTE),
      nextRetryTime: new Date(NOW + 42_000).toISOString(),
      waitingFor: 'the next try',
      labels: { tier: 'back', team: 'data' },
      addresses: ['10.0.0.2', 'fd00::2'],
      spec: { root: '/var/lib/machines/db', environment: { A: '1' } },
      conditions: [
        { type: 'RootReady', status: 'True', reason: 'Found', message: 'a directory', ...at },
        {
          type: 'CrashLooping',
          status: 'True',
          reason: 'Restarts',
          message: '4 restarts in 10 minutes',
          ...at,
        },
      ],
    });
    control.histories.set('database', [
      {
        type: 'Normal',
        reason: 'Launched',
        message: 'started',
        count: 1,
        firstTimestamp: ago(3 * MINUTE),
        lastTimestamp: ago(3 * MINUTE),
      },
      {
        type: 'Warning',
        reason: 'Failed',
        message: 'exit status 1',
        count: 4,
        firstTimestamp: ago(3 * MINUTE),
        lastTimestamp: ago(9_000),
      },
    ]);
    const { rootSocket } = await serve(t, { control });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'describe', 'database']);
    assert.equal(code, 0);
    const stable = out.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
    assert.equal(
      stable,
      `Name:          database
Labels:        tier=back
               team=data
Annotations:   <none>
Manifest:      /etc/nspawnd/manifests/database.yaml:1
Unit:          container@database.service
Created:       TIME (3m ago)
Generation:    1 (observed 1)
Status:        BackOff
Ready:         False (Failed)
Restarts:      4
Addresses:     10.0.0.2
               fd00::2
Waiting for:   the next try
Next retry:    TIME (in 42s)

Why not ready:
  ✓ manifest /etc/nspawnd/manifests/database.yaml:1
  ✓ root     a directory
  · network
  ✗ unit     Failed: nspawn ended with exit status 1:
             Failed to mount /etc
             it keeps failing: 4 restarts in 10 minutes
             next try: in 42s (TIME)
             what to do: see all it said: nspawnctl logs database; mend it; nspawnctl restart database does not wait for the next try
  · machine
  · guest

Spec:
  root: /var/lib/machines/db
  environment:
    A: "1"

Conditions:
  TYPE           STATUS   REASON     AGE   MESSAGE
  Ready          False    Failed     3m    nspawn ended with exit status 1:
                                           Failed to mount /etc
  RootReady      True     Found      3m    a directory
  CrashLooping   True     Restarts   3m    4 restarts in 10 minutes

Events:
  TYPE      REASON     AGE               MESSAGE
  Normal    Launched   3m                started
  Warning   Failed     9s (x4 over 3m)   exit status 1
`,
    );
  });

  it('of a container that is well leaves out the why', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { rootSocket } = await serve(t, { control });
    const { out } = await nspawnctl(['--socket', rootSocket, 'describe', 'web']);
    assert.doesNotMatch(out, /Why not ready|Needs attention/);
    assert.match(out, /^Leader: +4001$/m);
    assert.match(out, /^Events:\n {2}<none>$/m);
  });

  it('shows several, and those that there are', async t => {
    const control = new ControlModel();
    for (const name of ['web', 'db']) control.putRunning(name);
    const { rootSocket } = await serve(t, { control });
    const { code, out, err } = await nspawnctl([
      '--socket',
      rootSocket,
      'describe',
      'container',
      'web',
      'x',
      'db',
    ]);
    assert.equal(code, 66);
    assert.deepEqual(out.match(/^Name: .*$/gm), ['Name:          web', 'Name:          db']);
    assert.match(err, /^nspawnctl: no container "x"/);
  });

  it('suggests the name that was meant (66)', async t => {
    const control = new ControlModel();
    control.put('web');
    const { rootSocket } = await serve(t, { control });
    for (const name of ['wbe', 'WEB', '../web']) {
      const { code, err } = await nspawnctl(['--socket', rootSocket, 'describe', name]);
      assert.equal(code, 66);
      assert.match(err, /^nspawnctl: no container "/);
    }
  });
});

describe('prune', () => {
  it('shows what is held and the command that confirms exactly that; confirms; then there is nothing', async t => {
    const control = new ControlModel();
    for (const name of ['a', 'b']) control.put(name);
    control.sourceStatus = {
      ...control.sourceStatus,
      message: 'a sweep of 2 of 2 containers',
      held: { hash: '6f1e', names: ['a', 'b'] },
    };
    const { rootSocket } = await serve(t, { control });
    const shown = await nspawnctl(['--socket', rootSocket, 'prune']);
    assert.equal(shown.code, 1);
    assert.equal(
      shown.out,
      `2 deletions held: a sweep of 2 of 2 containers

  a
  b

If these manifests were meant to go from /etc/nspawnd/manifests, confirm; root trees are kept:
  nspawnctl prune --confirm 6f1e
If not, put them back, and nothing happens.
`,
    );
    const wrong = await nspawnctl(['--socket', rootSocket, 'prune', '--confirm', '6f1f']);
    assert.equal(wrong.code, 78);
    assert.match(wrong.err, /names no held deletions; the held list is now 6f1e/);
    assert.equal(control.list().length, 2);
    const right = await nspawnctl(['--socket', rootSocket, 'prune', '--confirm', '6f1e']);
    assert.deepEqual([right.code, right.out], [0, 'Confirmed: a, b\n']);
    assert.equal(control.list().length, 0);
    const nothing = await nspawnctl(['--socket', rootSocket, 'prune']);
    assert.deepEqual([nothing.code, nothing.out], [0, 'No deletions are held.\n']);
  });

  it('says what is to be mended, where there is nothing to confirm', async t => {
    const control = new ControlModel();
    control.sourceStatus = { ...control.sourceStatus, isHealthy: false, message: '/m does not exist' };
    const { rootSocket } = await serve(t, { control });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'prune']);
    assert.equal(code, 1);
    assert.match(out, /nothing can be confirmed, until this is mended:\n {2}\/m does not exist\n$/);
  });
});

describe('diff', () => {
  const preview = {
    name: 'web',
    problems: [],
    changes: [
      { field: 'spec.root', before: '/a', after: '/b', changeClass: 'restart' },
      { field: 'spec.hostAddress', before: null, after: '10.0.0.1', changeClass: 'live' },
    ],
    plan: 'stop web\nlaunch web',
  } as const;
  const nothing = { name: 'db', problems: [], changes: [], plan: '' };

  it('shows the fields with what their change costs, then the plan (1)', async t => {
    const control = new ControlModel();
    control.onPreview = async () => [preview, nothing];
    const { rootSocket } = await serve(t, { control });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'diff']);
    assert.equal(code, 1);
    assert.equal(
      out,
      `container/web
  spec.root          restart   /a -> /b
  spec.hostAddress   live      <none> -> 10.0.0.1
  plan:
    stop web
    launch web
`,
    );
    assert.deepEqual(control.previewed, [[]]);
  });

  it('is silent on stdout when there is nothing to do (0)', async t => {
    const control = new ControlModel();
    control.onPreview = async () => [nothing];
    const { rootSocket } = await serve(t, { control });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'diff']);
    assert.deepEqual([code, out, err], [0, '', 'Nothing to do.\n']);
  });
});
