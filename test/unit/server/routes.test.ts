import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NspawndError } from '../../../src/errors.ts';
import { API, ask } from './ask.ts';
import { serve } from './serving.ts';

const NAMES = (items: { metadata: { name: string } }[]) => items.map(item => item.metadata.name);

describe('routes', () => {
  it('lists the containers with the resourceVersion a watch can go on from', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    control.put('db');
    const { code, json, headers } = await ask(rootSocket, 'GET', `${API}/containers`);
    assert.equal(code, 200);
    assert.match(headers['content-type'] ?? '', /^application\/json/);
    assert.equal(json.kind, 'ContainerList');
    assert.equal(json.apiVersion, 'nspawnd.io/v1alpha1');
    assert.equal(json.metadata.resourceVersion, control.resourceVersion());
    assert.deepEqual(NAMES(json.items), ['web', 'db']);
  });

  it('gives one container, its status and its events', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    const event = {
      type: 'Normal',
      reason: 'Started',
      message: 'started',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
    } as const;
    control.histories.set('web', [event]);
    for (const path of ['web', 'web/status']) {
      const { code, json } = await ask(rootSocket, 'GET', `${API}/containers/${path}`);
      assert.equal(code, 200);
      assert.deepEqual(json, control.get('web'));
    }
    const { json } = await ask(rootSocket, 'GET', `${API}/containers/web/events`);
    assert.equal(json.kind, 'EventList');
    assert.deepEqual(json.items, [event]);
  });

  it('passes start, stop and restart on', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    for (const verb of ['start', 'stop', 'restart']) {
      const { code, json } = await ask(rootSocket, 'POST', `${API}/containers/web/${verb}`);
      assert.equal(code, 200);
      assert.equal(json.metadata.name, 'web');
    }
    assert.deepEqual(
      control.requests.map(({ name, verb }) => `${verb} ${name}`),
      ['start web', 'stop web', 'restart web'],
    );
  });

  it('answers 404 with a Status for a container that is not there, whatever is asked of it', async t => {
    const { control, rootSocket } = await serve(t);
    for (const [method, path] of [
      ['GET', 'ghost'],
      ['GET', 'ghost/status'],
      ['GET', 'ghost/events'],
      ['POST', 'ghost/start'],
    ] as const) {
      const { code, json } = await ask(rootSocket, method, `${API}/containers/${path}`);
      assert.equal(code, 404);
      assert.equal(json.kind, 'Status');
      assert.equal(json.status, 'Failure');
      assert.equal(json.reason, 'NotFound');
      assert.equal(json.code, 404);
      assert.equal(json.message, 'containers.nspawnd.io "ghost" not found');
    }
    assert.deepEqual(control.requests, []);
  });

  it('refuses names that are none before anybody sees them', async t => {
    const { control, rootSocket } = await serve(t);
    control.get = () => assert.fail('the controller was asked');
    for (const name of ['..%2f..', 'Web', 'a_b', '%00', 'web%0a', `a${'b'.repeat(63)}`, '%2e%2e', '-a']) {
      const { code, json } = await ask(rootSocket, 'GET', `${API}/containers/${name}`);
      assert.ok(code === 400 || code === 404, `${name}: ${code}`);
      assert.equal(json.kind, 'Status');
    }
  });

  it('shows the source and lets exactly the held deletions be confirmed', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('a');
    control.sourceStatus = { ...control.sourceStatus, held: { hash: 'abc', names: ['a'] } };
    const shown = await ask(rootSocket, 'GET', `${API}/source`);
    assert.deepEqual(shown.json.status, control.sourceStatus);
    const wrong = await ask(rootSocket, 'POST', `${API}/prune`, { confirm: 'abd' });
    assert.equal(wrong.code, 409);
    assert.equal(wrong.json.reason, 'Conflict');
    assert.match(wrong.json.message, /held list is now abc/);
    assert.notEqual(control.get('a'), null);
    const right = await ask(rootSocket, 'POST', `${API}/prune`, { confirm: 'abc' });
    assert.equal(right.code, 200);
    assert.equal(right.json.status.held, null);
    assert.equal(control.get('a'), null);
  });

  it('previews files, and with GET what is in force', async t => {
    const { control, rootSocket } = await serve(t);
    const preview = { name: 'web', problems: [], changes: [], plan: 'launch web' };
    control.onPreview = async () => [preview];
    const files = [{ file: '/x/web.yaml', text: 'kind: Container' }];
    const posted = await ask(rootSocket, 'POST', `${API}/preview`, { files });
    assert.deepEqual(posted.json.items, [preview]);
    const read = await ask(rootSocket, 'GET', `${API}/preview`);
    assert.deepEqual(read.json.items, [preview]);
    assert.deepEqual(control.previewed, [files, []]);
  });

  it('says what is wrong with a body', async t => {
    const { rootSocket } = await serve(t);
    const cases: readonly [path: string, body: unknown, message: RegExp][] = [
      ['prune', {}, /^confirm: expected/],
      ['prune', { confirm: 1 }, /^confirm: expected/],
      ['prune', { confirm: 'x'.repeat(200) }, /^confirm: expected/],
      ['prune', [], /^confirm: expected/],
      ['preview', {}, /^files: expected/],
      ['preview', { files: {} }, /^files: expected/],
      ['preview', { files: [null] }, /^files\[0\]\.file: expected/],
      ['preview', { files: [{ file: 'a' }] }, /^files\[0\]\.text: expected/],
      ['preview', { files: [{ file: 7, text: '' }] }, /^files\[0\]\.file: expected/],
      ['preview', '{"files": [', /JSON/],
      ['preview', '{"__proto__": {"a": 1}}', /JSON/],
    ];
    for (const [path, body, message] of cases) {
      const { code, json } = await ask(rootSocket, 'POST', `${API}/${path}`, body);
      assert.equal(code, 400, `${path} ${JSON.stringify(body)}`);
      assert.equal(json.reason, 'BadRequest');
      assert.match(json.message, message);
    }
    const { code, json } = await ask(rootSocket, 'POST', `${API}/prune`, 'confirm=abc', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    assert.equal(code, 415);
    assert.equal(json.reason, 'UnsupportedMediaType');
  });

  it('tells a monitor whether it is well and ready, and which version it is', async t => {
    const { control, rootSocket } = await serve(t);
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).text, 'ok');
    assert.equal((await ask(rootSocket, 'GET', '/readyz')).text, 'ok');
    control.sourceStatus = { ...control.sourceStatus, lastScan: new Date(0).toISOString() };
    assert.equal((await ask(rootSocket, 'GET', '/readyz')).code, 500);
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
    control.healthy = false;
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 500);
    const { json } = await ask(rootSocket, 'GET', '/version');
    assert.deepEqual([json.major, json.minor, json.gitVersion], ['1', '2', 'v1.2.3']);
  });

  it('has no list before the manifests were read: "none" would be a lie', async t => {
    const { control, rootSocket } = await serve(t);
    control.sourceStatus = { ...control.sourceStatus, lastScan: new Date(0).toISOString() };
    for (const path of ['containers', 'containers?watch=1', 'containers/web', 'preview']) {
      const { code, json } = await ask(rootSocket, 'GET', `${API}/${path}`);
      assert.equal(code, 503, path);
      assert.equal(json.reason, 'ServiceUnavailable');
      assert.match(json.message, /^nspawnd is starting/);
    }
    assert.equal((await ask(rootSocket, 'POST', `${API}/containers/web/stop`)).code, 503);
    assert.equal((await ask(rootSocket, 'GET', `${API}/source`)).code, 200);
  });

  it('answers unknown paths with 404 and methods that a path has not with 405', async t => {
    const { rootSocket } = await serve(t);
    for (const path of ['/', '/api/v2', `${API}/pods`, `${API}/containers/web/log`, '/%ff', '//']) {
      const { code, json } = await ask(rootSocket, 'GET', path);
      assert.ok(code === 404 || code === 400, `${path}: ${code}`);
      assert.equal(json.kind, 'Status');
    }
    for (const [method, path, allow] of [
      ['POST', `${API}/containers/web`, 'GET, PUT, PATCH, DELETE'],
      ['PUT', `${API}/containers`, 'GET, POST'],
      ['GET', `${API}/containers/web/start`, 'POST'],
      ['PATCH', `${API}/preview`, 'GET, POST'],
    ] as const) {
      const { code, json, headers } = await ask(rootSocket, method, path);
      assert.equal(code, 405, `${method} ${path}`);
      assert.equal(json.reason, 'MethodNotAllowed');
      assert.equal(headers.allow, allow);
    }
  });

  it('deletes nothing for a dry run that is not quite spelled as one', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web');
    const remove = (body: object) => {
      const text = JSON.stringify(body);
      const headers = { 'content-type': 'application/json', 'content-length': String(text.length) };
      return ask(rootSocket, 'DELETE', `${API}/containers/web`, text, headers);
    };
    assert.equal((await remove({ dryRun: ['All'] })).code, 200);
    for (const dryRun of ['all', true, [], ['All', 'x'], null])
      assert.equal((await remove({ dryRun })).code, 400, JSON.stringify(dryRun));
    await new Promise(resolve => setImmediate(resolve));
    assert.ok(control.get('web'));
  });

  it('refuses a body that would keep everybody waiting while it is gone through', async t => {
    const { control, rootSocket, logged } = await serve(t);
    control.put('web', { spec: { root: '/srv/web' } });
    const deep = `{"spec":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_001)}`;
    const wide = {
      spec: { environment: Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [i, ''])) },
    };
    const name = { metadata: { name: 'x' } };
    for (const body of [deep, wide]) {
      const text = typeof body === 'string' ? body : JSON.stringify({ ...body, ...name });
      const typed = { 'content-type': 'application/merge-patch+json' };
      assert.equal((await ask(rootSocket, 'PATCH', `${API}/containers/web`, text, typed)).code, 400);
      assert.equal((await ask(rootSocket, 'PUT', `${API}/containers/web`, text)).code, 400);
      assert.equal((await ask(rootSocket, 'POST', `${API}/containers`, text)).code, 400);
    }
    assert.deepEqual(control.written, []);
    assert.ok(!logged.some(line => line.includes('unexpectedly')));
  });

  it('lists what both selectors select', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web', { labels: { tier: 'front' }, phase: 'Running' });
    control.put('db', { labels: { tier: 'back' }, phase: 'Running' });
    control.put('old', { labels: { tier: 'back' }, phase: 'Exited' });
    const select = async (query: string) =>
      NAMES((await ask(rootSocket, 'GET', `${API}/containers?${query}`)).json.items);
    assert.deepEqual(await select('labelSelector=tier%3Dback'), ['db', 'old']);
    assert.deepEqual(await select('labelSelector=tier%20in%20(front)'), ['web']);
    assert.deepEqual(await select('labelSelector=tier%3Dback&fieldSelector=status.phase!%3DRunning'), [
      'old',
    ]);
  });
  it('refuses selectors it does not know: ignoring them would be a wrong answer that looks right', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web');
    control.put('db');
    const one = await ask(rootSocket, 'GET', `${API}/containers?fieldSelector=metadata.name%3Ddb`);
    assert.deepEqual(NAMES(one.json.items), ['db']);
    for (const query of [
      'labelSelector=a%20b',
      'fieldSelector=spec.root%3D/',
      'fieldSelector=a&fieldSelector=b',
    ]) {
      const { code } = await ask(rootSocket, 'GET', `${API}/containers?${query}`);
      assert.equal(code, 400, query);
    }
  });

  it('answers a broken world with 503 and a bug with 500, and logs only the bug', async t => {
    const { control, rootSocket, logged } = await serve(t);
    control.request = async () => {
      throw new NspawndError('FileError', 'no space left on device');
    };
    const broken = await ask(rootSocket, 'POST', `${API}/containers/web/start`);
    assert.equal(broken.code, 503);
    assert.match(broken.json.message, /^FileError: no space left/);
    control.request = async () => {
      throw new TypeError('undefined is not a function');
    };
    const before = logged.length;
    const bug = await ask(rootSocket, 'POST', `${API}/containers/web/start`);
    assert.equal(bug.code, 500);
    assert.equal(bug.json.reason, 'InternalError');
    assert.deepEqual(logged.slice(before), [
      'A request failed unexpectedly TypeError: undefined is not a function',
    ]);
  });
});

describe('the reading socket', () => {
  it('answers every GET that the root socket answers', async t => {
    const { control, readSocket } = await serve(t);
    control.putRunning('web');
    for (const path of [
      `${API}/containers`,
      `${API}/containers/web`,
      `${API}/containers/web/events`,
      `${API}/source`,
      `${API}/preview`,
      '/healthz',
      '/readyz',
      '/version',
    ])
      assert.equal((await ask(readSocket, 'GET', path)).code, 200, path);
  });

  it('refuses everything else, names the socket to use, and tells the controller nothing', async t => {
    const { control, readSocket, rootSocket } = await serve(t);
    control.putRunning('web');
    control.sourceStatus = { ...control.sourceStatus, held: { hash: 'abc', names: ['web'] } };
    const bodies: Readonly<Record<string, unknown>> = { [`${API}/prune`]: { confirm: 'abc' } };
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY'])
      for (const path of [
        `${API}/containers/web/start`,
        `${API}/containers/web`,
        `${API}/prune`,
        `${API}/preview`,
        '/nowhere',
      ]) {
        const { code, json } = await ask(readSocket, method, path, bodies[path]);
        assert.equal(code, 403, `${method} ${path}`);
        assert.equal(json.kind, 'Status');
        assert.equal(json.reason, 'Forbidden');
        assert.ok(json.message.includes(rootSocket), json.message);
      }
    assert.equal((await ask(readSocket, 'HEAD', `${API}/containers`)).code, 403);
    assert.deepEqual(control.requests, []);
    assert.deepEqual(control.previewed, []);
    assert.notEqual(control.sourceStatus.held, null);
  });

  it('is not talked into another verb by a header', async t => {
    const { control, readSocket } = await serve(t);
    control.putRunning('web');
    const { code } = await ask(readSocket, 'GET', `${API}/containers/web/stop`, undefined, {
      'x-http-method-override': 'POST',
      'x-method-override': 'POST',
    });
    assert.equal(code, 405);
    assert.deepEqual(control.requests, []);
  });
});
