import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { API, ask } from './ask.ts';
import { serve } from './serving.ts';

const GENERATION = {
  number: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  closure: '/nix/store/a-system',
  isCurrent: true,
};

describe('what only systems made by Nix have', () => {
  it('lists the generations', async t => {
    const { control, rootSocket, readSocket } = await serve(t);
    control.putRunning('web');
    control.generationsOf.set('web', [GENERATION]);
    for (const socket of [rootSocket, readSocket]) {
      const { code, json } = await ask(socket, 'GET', `${API}/containers/web/generations`);
      assert.equal(code, 200);
      assert.equal(json.kind, 'GenerationList');
      assert.deepEqual(json.items, [GENERATION]);
    }
  });

  it('passes updates and rollbacks on', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    const post = (path: string, body?: unknown) =>
      ask(rootSocket, 'POST', `${API}/containers/web/${path}`, body);
    assert.equal((await post('update')).json.kind, 'ContainerUpdate');
    await post('update', { mode: 'switch' });
    await post('rollback');
    await post('rollback', { to: 2 });
    assert.deepEqual(
      control.updates.map(({ update }) => update),
      [{ mode: 'build' }, { mode: 'switch' }, { mode: 'rollback', to: null }, { mode: 'rollback', to: 2 }],
    );
  });

  it('refuses what cannot be meant', async t => {
    const { control, rootSocket, readSocket } = await serve(t);
    control.putRunning('web');
    for (const [path, body] of [
      ['update', { mode: 'rollback' }],
      ['rollback', { to: 0 }],
      ['rollback', { to: '2' }],
      ['rollback', { to: 1.5 }],
    ] as const)
      assert.equal((await ask(rootSocket, 'POST', `${API}/containers/web/${path}`, body)).code, 400);
    for (const path of ['update', 'rollback']) {
      assert.equal((await ask(rootSocket, 'POST', `${API}/containers/ghost/${path}`)).code, 404);
      assert.equal((await ask(readSocket, 'POST', `${API}/containers/web/${path}`)).code, 403);
    }
    assert.equal((await ask(rootSocket, 'GET', `${API}/containers/ghost/generations`)).code, 404);
    assert.deepEqual(control.updates, []);
    control.updateAnswer = { isAccepted: false, because: 'web has no system made by Nix' };
    const { code, json } = await ask(rootSocket, 'POST', `${API}/containers/web/update`);
    assert.deepEqual([code, json.reason, json.message], [409, 'Conflict', 'web has no system made by Nix']);
  });
});
