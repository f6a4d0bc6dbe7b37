import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { API, ask } from './ask.ts';
import { serve } from './serving.ts';

const REVISION = {
  revision: 1,
  specHash: 'v1-1',
  spec: { root: '/srv/web' },
  acceptedAt: '2026-01-01T00:00:00.000Z',
  isInForce: true,
  isInManifest: true,
};

describe('the specs that a container has had', () => {
  it('are listed for those who read', async t => {
    const { control, rootSocket, readSocket } = await serve(t);
    control.putRunning('web');
    control.revisionsOf.set('web', [REVISION]);
    for (const socket of [rootSocket, readSocket]) {
      const { code, json } = await ask(socket, 'GET', `${API}/containers/web/revisions`);
      assert.equal(code, 200);
      assert.equal(json.kind, 'RevisionList');
      assert.deepEqual(json.items, [REVISION]);
    }
    assert.equal((await ask(rootSocket, 'GET', `${API}/containers/nobody/revisions`)).code, 404);
  });

  it('are gone back to and tried again for those who may write', async t => {
    const { control, rootSocket, readSocket } = await serve(t);
    control.putRunning('web');
    const post = (socket: string, path: string, body?: unknown) =>
      ask(socket, 'POST', `${API}/containers/web/${path}`, body);
    control.rolloutAnswer = { is: 'done', specHash: 'v1-1', file: '/etc/web.yaml' };
    const { json } = await post(rootSocket, 'undo', { toRevision: 3 });
    assert.deepEqual([json.kind, json.specHash, json.file], ['ContainerRollout', 'v1-1', '/etc/web.yaml']);
    assert.equal((await post(rootSocket, 'undo')).code, 200);
    assert.equal((await post(rootSocket, 'retry')).code, 200);
    assert.deepEqual(
      control.rollouts.map(({ verb, to }) => [verb, to]),
      [
        ['undo', 3],
        ['undo', null],
        ['retry', null],
      ],
    );
    for (const path of ['undo', 'retry']) assert.notEqual((await post(readSocket, path)).code, 200);
    assert.equal(control.rollouts.length, 3);
  });

  it('are refused with the reason', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    const undo = (body: unknown) => ask(rootSocket, 'POST', `${API}/containers/web/undo`, body);
    for (const toRevision of [0, -1, 1.5, '1', {}])
      assert.equal((await undo({ toRevision })).code, 400, JSON.stringify(toRevision));
    control.rolloutAnswer = { is: 'refused', message: 'in a git checkout' };
    const refused = await undo({});
    assert.deepEqual([refused.code, refused.json.message], [409, 'in a git checkout']);
    const problem = { file: '/etc/a.yaml', line: 3, column: 1, field: 'spec.root', message: 'taken' };
    control.rolloutAnswer = { is: 'invalid', problems: [problem] };
    const invalid = await undo({});
    assert.deepEqual([invalid.code, invalid.json.message], [422, '/etc/a.yaml:3:1: spec.root: taken']);
    assert.equal((await ask(rootSocket, 'POST', `${API}/containers/nobody/retry`)).code, 404);
  });
});
