import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Phase } from '../../../src/api/container.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

describe('list', () => {
  it('says the names and nothing else', async t => {
    const control = new ControlModel();
    for (const name of ['web', 'db']) control.putRunning(name);
    const { rootSocket } = await serve(t, { control });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'list']);
    assert.deepEqual([code, out, err], [0, 'db\nweb\n', '']);
  });
  it('says nothing where there are none', async t => {
    const { rootSocket } = await serve(t, { control: new ControlModel() });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'list']);
    assert.deepEqual([code, out, err], [0, '', '']);
  });
});

describe('status', () => {
  const check = async (t: Parameters<typeof serve>[0], phase: Phase, ready: 'True' | 'False') => {
    const control = new ControlModel();
    control.put('web', { phase, ready });
    const { rootSocket } = await serve(t, { control });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'status', 'web']);
    assert.equal(err, '');
    return [out, code];
  };
  it('is one word, and 0 only when it is up', async t => {
    assert.deepEqual(await check(t, 'Running', 'True'), ['up\n', 0]);
    assert.deepEqual(await check(t, 'Starting', 'False'), ['starting\n', 1]);
    assert.deepEqual(await check(t, 'Stopped', 'False'), ['down\n', 1]);
    assert.deepEqual(await check(t, 'Exited', 'False'), ['down\n', 1]);
    assert.deepEqual(await check(t, 'BackOff', 'False'), ['failed\n', 1]);
    assert.deepEqual(await check(t, 'Stalled', 'False'), ['failed\n', 1]);
  });
  it('is up also when a later manifest is not valid', async t => {
    assert.deepEqual(await check(t, 'Invalid', 'True'), ['up\n', 0]);
  });
  it('is gone (66) where there is none, also for what is no name', async t => {
    const { rootSocket } = await serve(t, { control: new ControlModel() });
    for (const name of ['web', '../etc', 'A'])
      assert.deepEqual(await nspawnctl(['--socket', rootSocket, 'status', name]), {
        code: 66,
        signal: null,
        out: 'gone\n',
        err: '',
      });
  });
  it('is no word at all when nspawnd is not there (69)', async () => {
    const { code, out } = await nspawnctl(['--socket', '/nowhere/nspawnd.sock', 'status', 'web']);
    assert.deepEqual([code, out], [69, '']);
  });
});

describe('show-ip', () => {
  const check = async (
    t: Parameters<typeof serve>[0],
    addresses: readonly string[],
    ...args: readonly string[]
  ) => {
    const control = new ControlModel();
    control.putRunning('web', { addresses });
    const { rootSocket } = await serve(t, { control });
    return nspawnctl(['--socket', rootSocket, 'show-ip', 'web', ...args]);
  };
  it('says the IPv4 address, with --all the others too', async t => {
    assert.equal((await check(t, ['10.0.0.2', 'fd00::2'])).out, '10.0.0.2\n');
    assert.equal((await check(t, ['10.0.0.2', 'fd00::2'], '--all')).out, '10.0.0.2\nfd00::2\n');
  });
  it('is an honest no (1) where there is none, and says what there is', async t => {
    const none = await check(t, []);
    assert.deepEqual([none.code, none.out], [1, '']);
    assert.match(none.err, /spec\.localAddress/);
    const only6 = await check(t, ['fd00::2']);
    assert.equal(only6.code, 1);
    assert.match(only6.err, /it has fd00::2; see all: nspawnctl show-ip --all web/);
  });
  it('does not know what is not there (66)', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'show-ip', 'wbe']);
    assert.equal(code, 66);
    assert.match(err, /did you mean web/);
  });
});

describe('terminate', () => {
  it('asks for it and waits until it is down', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    control.onRequest = name =>
      control.put(name, { phase: 'Stopped', ready: 'False', reason: 'Stopped', leader: null });
    const { rootSocket } = await serve(t, { control });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'terminate', 'web']);
    assert.deepEqual([code, out], [0, 'container/web terminated\n']);
    assert.deepEqual(control.requests, [{ name: 'web', verb: 'terminate' }]);
  });
});
