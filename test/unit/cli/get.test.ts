import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Paint } from '../../../src/view/paint.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve, temporaryDirectory } from '../server/serving.ts';
import { nspawnctl, type Ran } from './nspawnctl.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const HOSTILE = 'evil\u001b]0;owned\u0007\u009b31m\u202e\r\nsecond';

type Run = (...args: readonly string[]) => Promise<Ran>;

async function threeContainers(t: TestContext): Promise<{ run: Run; look: Run; control: ControlModel }> {
  const control = new ControlModel();
  control.putRunning('web10', {
    addresses: ['10.0.0.2', 'fd00::2'],
    labels: { tier: 'front', 'app.example/name': 'shop' },
    createdAt: '2026-05-30T12:00:00Z',
    restarts: 3,
  });
  control.putRunning('web2', { labels: { tier: 'front' }, createdAt: '2026-05-31T12:00:00Z', restarts: 20 });
  control.put('db', {
    phase: 'Failed',
    ready: 'False',
    reason: 'Failed',
    message: HOSTILE,
    createdAt: '2026-05-29T12:00:00Z',
  });
  const { rootSocket } = await serve(t, { control });
  return {
    control,
    run: (...args) => nspawnctl(['--socket', rootSocket, ...args]),
    look: (...args) => nspawnctl(['--socket', rootSocket, ...args], {}),
  };
}

const PATHS = [
  ['{.items[*].metadata.name}', 'db web10 web2'],
  [
    '{range .items[*]}{.metadata.name}={.status.phase}{"\\n"}{end}',
    'db=Failed\nweb10=Running\nweb2=Running\n',
  ],
  [".items[?(@.status.phase=='Failed')].metadata.name", 'db'],
  ['{.items[*].status.conditions[?(@.type=="Ready")].status}', 'False True True'],
  ["{.items[*].metadata.labels['app.example/name']}", 'shop'],
  ['{.items[*].status.addresses[0]}', '10.0.0.2'],
  ['{.kind}', 'ContainerList'],
] as const;

describe('get -o jsonpath', () => {
  it('fills the template in with the list, or with the one container that is named', async t => {
    const { run } = await threeContainers(t);
    for (const [template, expected] of PATHS) {
      const { code, out, err } = await run('get', '-o', `jsonpath=${template}`);
      assert.deepEqual([code, out, err], [0, expected, ''], template);
    }
    assert.equal((await run('get', 'web2', '-o', 'jsonpath={.metadata.name}')).out, 'web2');
    assert.equal((await run('get', '-ojsonpath={.metadata.name}', 'web2')).out, 'web2');
    assert.equal((await run('get', '-o=jsonpath={.metadata.name}', 'web2')).out, 'web2');
    assert.equal((await run('get', 'web2', 'db', '-o', 'jsonpath={.items[1].metadata.name}')).out, 'db');
  });

  it('reads the template from a file, too', async t => {
    const { run } = await threeContainers(t);
    const file = join(await temporaryDirectory(t), 'template');
    await writeFile(file, '{range .items[*]}\n  {.metadata.name}{end}\n');
    assert.equal((await run('get', '-o', `jsonpath-file=${file}`)).out, '\n  db\n  web10\n  web2\n');
    await writeFile(file, '{.kind');
    const bad = await run('get', '-o', `jsonpath-file=${file}`);
    assert.deepEqual([bad.code, bad.out], [2, '']);
    assert.ok(bad.err.startsWith(`nspawnctl: ${file}, character 1: `), bad.err);
    await writeFile(file, 'x'.repeat(100_000));
    assert.match((await run('get', '-o', `jsonpath-file=${file}`)).err, /larger than 65536 bytes/);
    assert.equal((await run('get', '-o', 'jsonpath-file=/nowhere')).code, 2);
  });

  it('gives a program what there is, and a terminal nothing that acts on it', async t => {
    const { run, look } = await threeContainers(t);
    const template = 'jsonpath={.items[0].status.conditions[0].message}';
    assert.equal((await run('get', '-o', template)).out, HOSTILE);
    const { out } = await look('get', '-o', template);
    assert.doesNotMatch(out, RAW);
    assert.equal(out, 'evil\\x1b]0;owned\\x07\\u009b31m\\u202e\nsecond\n');
    assert.doesNotMatch((await look('get', '-o', 'jsonpath={.items}')).out, RAW);
  });

  it('says what is wrong with a template before it asks anybody, with a caret (2)', async () => {
    const { code, out, err } = await nspawnctl(['--socket', '/nowhere', 'get', '-o', 'jsonpath={.items[}']);
    assert.deepEqual([code, out], [2, '']);
    assert.equal(
      err,
      [
        'nspawnctl: -o jsonpath, character 9: expected a number, *, a \'key\' or ?(...) instead of "}"',
        '  {.items[}',
        '          ^',
        '',
      ].join('\n'),
    );
  });
});

describe('get -o custom-columns', () => {
  it('shows a column for each path', async t => {
    const { run } = await threeContainers(t);
    const columns =
      "NAME:.metadata.name,READY:{.status.conditions[?(@.type==\"Ready\")].status},WHERE:status.addresses[*],SHOP:.metadata.labels['app.example/name','x']";
    const { code, out } = await run('get', '-o', `custom-columns=${columns}`);
    assert.equal(code, 0);
    assert.equal(
      out,
      [
        'NAME    READY   WHERE              SHOP',
        'db      False   <none>             <none>',
        'web10   True    10.0.0.2,fd00::2   shop',
        'web2    True    <none>             <none>',
        '',
      ].join('\n'),
    );
    const bare = await run('get', 'db', '--no-headers', '-o', 'custom-columns=N:metadata.name');
    assert.equal(bare.out, 'db\n');
  });

  it('reads them from a file, too', async t => {
    const { run } = await threeContainers(t);
    const file = join(await temporaryDirectory(t), 'columns');
    await writeFile(file, 'NAME            PHASE\n{.metadata.name} status.phase\n');
    const { out } = await run('get', 'db', '-o', `custom-columns-file=${file}`);
    assert.equal(out, 'NAME   PHASE\ndb     Failed\n');
    await writeFile(file, 'NAME PHASE\n.metadata.name\n');
    assert.equal((await run('get', '-o', `custom-columns-file=${file}`)).code, 2);
  });

  it('cannot be made to show a row that is none, not even in a pipe', async t => {
    const { run } = await threeContainers(t);
    const { out } = await run(
      'get',
      'db',
      '-o',
      'custom-columns=M:.status.conditions[0].message,N:.metadata.name',
    );
    assert.equal(out.split('\n').length, 3);
    assert.doesNotMatch(out, RAW);
  });

  it('says what is wrong with them (2)', async () => {
    for (const [columns, says] of [
      ['NAME', /not HEADER:PATH: "NAME"/],
      [':.metadata.name', /not HEADER:PATH/],
      ['A:.x,B:.items[', /-o custom-columns, column B, character 7: /],
      ['A:', /column A, character 1: a path such as/],
      ['A:{.x}{.y}', /character 5: expected one path/],
    ] as const) {
      const { code, err } = await nspawnctl([
        '--socket',
        '/nowhere',
        'get',
        '-o',
        `custom-columns=${columns}`,
      ]);
      assert.equal(code, 2, columns);
      assert.match(err, says);
    }
  });
});

describe('get -o json', () => {
  it('stays as it is: two spaces, the fields in their order, one newline at the end, no colour', async t => {
    const control = new ControlModel();
    control.putRunning('web', { addresses: ['10.0.0.2'], labels: { tier: 'front' } });
    const { rootSocket } = await serve(t, { control });
    const paint: Paint = () => assert.fail('there is colour');
    const { out } = await nspawnctl(['--socket', rootSocket, 'get', 'web', '-o', 'json'], { paint });
    assert.equal(
      out,
      `{
  "apiVersion": "nspawnd.io/v1alpha1",
  "kind": "Container",
  "metadata": {
    "name": "web",
    "uid": "uid-web",
    "generation": 1,
    "resourceVersion": "101",
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "labels": {
      "tier": "front"
    },
    "annotations": {
      "nspawnd.io/manifest": "/etc/nspawnd/manifests/web.yaml:1"
    }
  },
  "spec": {
    "root": "/var/lib/machines/web"
  },
  "status": {
    "observedGeneration": 1,
    "phase": "Running",
    "conditions": [
      {
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1
      }
    ],
    "restarts": 0,
    "addresses": [
      "10.0.0.2"
    ],
    "unit": "container@web.service",
    "leader": 4001,
    "startedAt": "2026-01-01T00:00:04.001Z"
  }
}
`,
    );
  });
});

describe('get', () => {
  const names = (out: string) =>
    out
      .split('\n')
      .slice(0, -1)
      .map(line => line.split(/\s+/)[0]);

  it('shows which are suspended', async t => {
    const { run, control } = await threeContainers(t);
    const conditions = [
      {
        type: 'Suspended',
        status: 'True',
        reason: 'Asked',
        message: '',
        lastTransitionTime: '2026-06-01T00:00:00.000Z',
        observedGeneration: 1,
      },
    ] as const;
    control.put('web2', { conditions });
    assert.match((await run('get', 'web2')).out, /^web2 +True +Running,Suspended +20 /m);
    assert.match((await run('get', 'web10')).out, /^web10 +True +Running +3 /m);
  });

  it('selects by labels and by fields, for every form', async t => {
    const { run } = await threeContainers(t);
    const name = async (...args: string[]) =>
      (await run('get', '-o', 'name', ...args)).out.trim().split('\n');
    assert.deepEqual(await name('-l', 'tier=front'), ['container/web10', 'container/web2']);
    assert.deepEqual(await name('-l', 'tier=front,app.example/name'), ['container/web10']);
    assert.deepEqual(await name('--selector', 'tier!=front'), ['container/db']);
    assert.deepEqual(await name('--selector=tier notin (back, front)'), ['container/db']);
    assert.deepEqual(await name('--field-selector', 'status.phase=Failed'), ['container/db']);
    assert.deepEqual(await name('--field-selector', 'metadata.name!=db', '-l', '!app.example/name'), [
      'container/web2',
    ]);
    const none = await run('get', '-l', 'tier=back');
    assert.deepEqual([none.code, none.out, none.err], [0, '', 'No containers match.\n']);
    assert.deepEqual(JSON.parse((await run('get', '-l', 'tier=back', '-o', 'json')).out).items, []);
  });

  it('says where a selector is wrong (2), and refuses one beside names (2)', async t => {
    const { run } = await threeContainers(t);
    for (const [args, says] of [
      [['-l', 'tier in front'], /^nspawnctl: labelSelector: column 9: expected "\("/],
      [['--field-selector', 'spec.colour=red'], /^nspawnctl: fieldSelector: no field "spec\.colour"/],
      [['web2', '-l', 'tier'], /either names or selectors, not both/],
      [['web2', '-w', '-l', 'tier'], /either names or selectors, not both/],
    ] as const) {
      const { code, out, err } = await run('get', ...args);
      assert.deepEqual([code, out], [2, ''], args.join(' '));
      assert.match(err, says);
    }
  });

  it('sorts by a field, in natural order, who has none first', async t => {
    const { run } = await threeContainers(t);
    const sorted = async (path: string) => names((await run('get', '--no-headers', '--sort-by', path)).out);
    assert.deepEqual(await sorted('.metadata.name'), ['db', 'web2', 'web10']);
    assert.deepEqual(await sorted('{.metadata.creationTimestamp}'), ['db', 'web10', 'web2']);
    assert.deepEqual(await sorted('status.restarts'), ['db', 'web10', 'web2']);
    assert.deepEqual(await sorted('.metadata.labels.tier'), ['db', 'web10', 'web2']);
    const json = JSON.parse((await run('get', '-o', 'json', '--sort-by', '.status.restarts')).out);
    assert.deepEqual(
      json.items.map((item: { status: { restarts: number } }) => item.status.restarts),
      [0, 3, 20],
    );
    const unknown = await run('get', '--sort-by', '.spec.colour');
    assert.deepEqual([unknown.code, unknown.err], [0, 'nspawnctl: --sort-by: no container has that field\n']);
    const wrong = await run('get', '--sort-by', '.spec[');
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /^nspawnctl: --sort-by, character 6: /);
  });

  it('shows labels as columns, and leaves the header out', async t => {
    const { run } = await threeContainers(t);
    const { out } = await run('get', 'web10', 'db', '-L', 'tier,app.example/name', '--show-labels');
    assert.equal(
      out,
      [
        'NAME    READY   STATUS    RESTARTS   AGE   ADDRESS            TIER     NAME     LABELS',
        'web10   True    Running   3          2d    10.0.0.2,fd00::2   front    shop     tier=front,app.example/name=shop',
        'db      False   Failed    0          3d    <none>             <none>   <none>   <none>',
        '',
      ].join('\n'),
    );
    const bare = await run('get', 'db', '--no-headers', '-L', 'tier');
    assert.equal(bare.out, 'db   False   Failed   0   3d   <none>   <none>\n');
    assert.equal((await run('get', '--show-labels', '-o', 'json')).code, 2);
  });

  it('takes the words that kubectl’s users type', async t => {
    const { run, control } = await threeContainers(t);
    for (const words of [
      ['get', 'containers', 'web2'],
      ['get', 'container', 'web2'],
      ['get', 'container/web2'],
      ['get', 'containers.nspawnd.io/web2'],
      ['get', 'containers.nspawnd.io', 'web2'],
    ])
      assert.equal((await run(...words, '-o', 'name')).out, 'container/web2\n', words.join(' '));
    assert.equal(names((await run('get', 'containers')).out).length, 4);
    // Also when one is called so: what a script gets depends on nobody's name.
    control.put('container');
    assert.equal(names((await run('get', 'container')).out).length, 5);
    assert.equal((await run('get', 'container/container', '-o', 'name')).out, 'container/container\n');
    for (const command of [['status'], ['describe'], ['show-ip']])
      assert.deepEqual(
        await run(...command, 'container/web10'),
        await run(...command, 'web10'),
        command.join(' '),
      );
    assert.equal((await run('stop', 'container/web2', '--no-wait')).code, 0);
    assert.deepEqual(control.requests, [{ name: 'web2', verb: 'stop' }]);
    assert.equal((await run('get', 'pod/web2')).code, 66);
  });

  it('says nothing of names that there are not, when asked to', async t => {
    const { run } = await threeContainers(t);
    const { code, out, err } = await run('get', 'ghost', '--ignore-not-found', '-o', 'name');
    assert.deepEqual([code, out, err], [0, '', '']);
  });

  it('-o says what there is when it is something else (2)', async () => {
    for (const [form, says] of [
      ['xml', /Allowed choices are wide, json, yaml, name, jsonpath=TEMPLATE/],
      ['jsonpath', /Something is missing: jsonpath='\{/],
      ['custom-columns=', /Something is missing: custom-columns=NAME/],
      ['json=x', /json takes nothing after it/],
      ['go-template={{.}}', /go-template is not known here; jsonpath=TEMPLATE is/],
    ] as const) {
      const { code, err } = await nspawnctl(['get', '-o', form]);
      assert.equal(code, 2, form);
      assert.match(err, says);
    }
  });
});
