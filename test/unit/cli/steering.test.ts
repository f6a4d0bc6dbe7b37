import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../testbed/eventually.ts';
import { ControlModel, makeContainer } from '../server/control-model.ts';
import { serve, temporaryDirectory } from '../server/serving.ts';
import { bundle, type Command, nspawnctl } from './nspawnctl.ts';

let command: Command;
before(async () => {
  command = await bundle();
});
after(() => command.remove());

const STOPPED = {
  phase: 'Stopped',
  ready: 'False',
  reason: 'Stopped',
  leader: null,
  startedAt: null,
} as const;
const STARTING = { phase: 'Starting', ready: 'False', reason: 'Starting' } as const;

describe('start, stop and restart', { concurrency: 4 }, () => {
  it('wait until it has happened', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    control.onRequest = (name, verb) => {
      if (verb === 'stop') {
        control.put(name, { phase: 'Stopping' });
        control.put(name, STOPPED);
      } else {
        if (verb === 'restart') control.put(name, { phase: 'Stopping', ready: 'False' });
        control.put(name, STARTING);
        control.putRunning(name);
      }
    };
    const { rootSocket } = await serve(t, { control });
    for (const [verb, said] of [
      ['start', 'started'],
      ['restart', 'restarted'],
      ['stop', 'stopped'],
    ] as const) {
      const { code, out, err } = await nspawnctl(['--socket', rootSocket, verb, 'web']);
      assert.deepEqual([code, out, err], [0, `container/web ${said}\n`, ''], verb);
    }
    assert.deepEqual(
      control.requests.map(({ verb }) => verb),
      ['start', 'restart', 'stop'],
    );
  });

  it('show only what is new since they were asked', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    control.onRequest = name => {
      setTimeout(() => control.put(name, STARTING), 2_000);
      setTimeout(() => control.putRunning(name), 2_500);
    };
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'start', 'web']);
    assert.equal(code, 0);
    assert.match(err, /^container\/web: Starting/);
    assert.doesNotMatch(err, /Stopped/);
  });

  it('say after a while that nothing is new', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'start', 'web', '--timeout', '4s']);
    assert.equal(code, 124);
    assert.match(err, /^container\/web: still Stopped.* \(3s\)\nnspawnctl: start of web is not done/);
  });

  it('of something that is so already are done at once', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    control.put('db', STOPPED);
    const { rootSocket } = await serve(t, { control });
    assert.equal((await nspawnctl(['--socket', rootSocket, 'start', 'web'])).code, 0);
    assert.equal((await nspawnctl(['--socket', rootSocket, 'stop', 'db'])).code, 0);
  });

  it('take several names, and say of each when it is there', async t => {
    const control = new ControlModel();
    for (const name of ['a', 'b', 'c']) control.put(name, STOPPED);
    let asked = 0;
    control.onRequest = () => {
      asked += 1;
      if (asked === 3) for (const name of ['c', 'a', 'b']) control.putRunning(name);
    };
    const { rootSocket } = await serve(t, { control });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'start', 'a', 'b', 'c', 'a']);
    assert.equal(code, 0);
    assert.deepEqual(out.trim().split('\n').sort(), [
      'container/a started',
      'container/b started',
      'container/c started',
    ]);
    assert.equal(control.requests.length, 3);
  });

  it('do nothing when one of the names is not there (66)', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'stop', 'web', 'wbe', '--timeout', '1s']);
    assert.equal(code, 66);
    assert.match(err, /no container "wbe"\n {2}did you mean web\?/);
    assert.deepEqual(control.requests, []);
  });

  it('--no-wait only asks', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { rootSocket } = await serve(t, { control });
    const { code, out } = await nspawnctl(['--socket', rootSocket, 'stop', 'web', '--no-wait']);
    assert.deepEqual([code, out], [0, 'container/web stop requested\n']);
    assert.deepEqual(control.requests, [{ name: 'web', verb: 'stop' }]);
  });

  it('show the reason when it fails (1)', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    control.onRequest = name => {
      control.put(name, STARTING);
      control.put(name, {
        phase: 'BackOff',
        ready: 'False',
        reason: 'Failed',
        message: 'nspawn ended with exit status 1:\nlast words\u001b[2J',
        restarts: 1,
      });
    };
    const { rootSocket } = await serve(t, { control });
    const { code, out, err } = await nspawnctl(['--socket', rootSocket, 'start', 'web']);
    assert.deepEqual([code, out], [1, '']);
    assert.equal(
      err,
      [
        'nspawnctl: start of web failed: Failed: nspawn ended with exit status 1:',
        'last words\\x1b[2J',
        '  see more: nspawnctl describe web',
        '',
      ].join('\n'),
    );
  });

  it('say what they wait for after a while, and give up after --timeout (124)', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    control.onRequest = name => {
      control.put(name, { ...STARTING, waitingFor: 'the guest to boot' });
    };
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'start', 'web', '--timeout', '1800ms']);
    assert.equal(code, 124);
    assert.equal(
      err,
      [
        'container/web: Starting, the guest to boot (1s)',
        'nspawnctl: start of web is not done: after 1s it is Starting, the guest to boot',
        '  the request stays; watch it: nspawnctl get -w web',
        '',
      ].join('\n'),
    );
  });

  it('wait across a restart of nspawnd', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    const { rootSocket, directory, server } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'start', 'web']);
    await eventually(() => control.requests.length === 1, { everyMs: 5 });
    await server.close();
    await eventually(() => running.err().includes('waiting for nspawnd to come back'), { everyMs: 5 });
    const reborn = new ControlModel();
    reborn.putRunning('web');
    await serve(t, { control: reborn, directory });
    const { code, out } = await running.ended;
    assert.deepEqual([code, out], [0, 'container/web started\n']);
  });
});

describe('get -w', { concurrency: 4 }, () => {
  it('shows the table, then a line for each change that matters, and dies by Ctrl-C', async t => {
    const control = new ControlModel();
    const createdAt = new Date(Date.now() - 5 * 3_600_000).toISOString();
    control.put('web', { ...STOPPED, createdAt });
    control.put('database', { ...STOPPED, createdAt });
    const { rootSocket } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'get', '-w']);
    const lines = () => running.out().trimEnd().split('\n');
    await eventually(() => lines().length === 3, { everyMs: 5 });
    control.put('web', { ...STARTING, createdAt });
    // A change of nothing that is shown.
    control.put('web', { message: 'still at it', createdAt });
    control.putRunning('web', { createdAt, addresses: ['10.0.0.2'] });
    control.remove('database');
    await eventually(() => lines().length === 6, { everyMs: 5 });
    running.child.kill('SIGINT');
    const { code, signal, err } = await running.ended;
    assert.deepEqual([code, signal, err], [null, 'SIGINT', '']);
    assert.deepEqual(lines(), [
      'NAME       READY   STATUS     RESTARTS   AGE   ADDRESS'.replace('STATUS  ', 'STATUS '),
      'database   False   Stopped   0          5h    <none>',
      'web        False   Stopped   0          5h    <none>',
      'web        False   Starting   0          5h    <none>',
      'web        True    Running    0          5h    10.0.0.2',
      'database   False   Deleted    0          5h    <none>',
    ]);
  });

  it('of names shows only them, and refuses when there are none (66)', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    control.put('db', STOPPED);
    const { rootSocket } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'get', 'web', '-w', '-o', 'name']);
    await eventually(() => running.out() === 'container/web\n', { everyMs: 5 });
    control.putRunning('db');
    control.putRunning('web');
    await eventually(() => running.out() === 'container/web\ncontainer/web\n', { everyMs: 5 });
    running.child.kill('SIGTERM');
    assert.equal((await running.ended).signal, 'SIGTERM');
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'get', 'wbe', '-w']);
    assert.equal(code, 66);
    assert.match(err, /did you mean web\?/);
  });

  it('-o json gives one object after the other', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    const { rootSocket } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'get', '-w', '-o', 'json']);
    await eventually(() => running.out().endsWith('\n}\n'), { everyMs: 5 });
    assert.deepEqual(JSON.parse(running.out()), control.get('web'));
    running.child.kill('SIGINT');
    await running.ended;
  });

  it('waits for a daemon that restarts, and tells what changed meanwhile and nothing else', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    control.put('db', STOPPED);
    control.put('old', STOPPED);
    const { rootSocket, directory, server } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'get', '-w']);
    const rows = () =>
      running
        .out()
        .trimEnd()
        .split('\n')
        .map(line =>
          line
            .split(/ +/)
            .filter((_, column) => column === 0 || column === 2)
            .join(' '),
        );
    await eventually(() => rows().length === 4, { everyMs: 5 });
    await server.close();
    await eventually(() => running.err().includes('waiting for nspawnd to come back'), { everyMs: 5 });
    const reborn = new ControlModel();
    reborn.put('db', STOPPED);
    reborn.putRunning('web');
    const again = await serve(t, { control: reborn, directory });
    await eventually(() => rows().length === 5, { everyMs: 5 });
    // What a daemon that has just started does not list yet is not gone.
    again.control.put('old', STOPPED);
    again.control.put('db', STARTING);
    await eventually(() => rows().length === 6, { everyMs: 5 });
    assert.deepEqual(rows().slice(4), ['web Running', 'db Starting']);
    running.child.kill('SIGINT');
    await running.ended;
  });

  it('after a watch that merely ended, believes the list about what is gone', async t => {
    const web = makeContainer('web', '1', STOPPED);
    const db = makeContainer('db', '1', STOPPED);
    let lists = 0;
    const server = createServer((request, response) => {
      // The second watch stays open.
      if (request.url?.includes('watch=1'))
        return void (lists === 1 ? response.end() : response.flushHeaders());
      lists += 1;
      const items = lists === 1 ? [web, db] : [web];
      response.end(JSON.stringify({ kind: 'ContainerList', metadata: { resourceVersion: '1' }, items }));
    });
    const socket = join(await temporaryDirectory(t), 's.sock');
    await new Promise<void>(resolve => server.listen(socket, resolve));
    t.after(() => server.closeAllConnections());
    t.after(() => server.close());
    const running = command.start(['--socket', socket, 'get', '-w']);
    await eventually(() => /^db +False +Deleted /m.test(running.out()), { everyMs: 5 });
    running.child.kill('SIGINT');
    assert.equal((await running.ended).err, '');
  });

  it('ends quietly when nobody reads any more', async t => {
    const control = new ControlModel();
    control.put('web', STOPPED);
    const { rootSocket } = await serve(t, { control });
    const running = command.start(['--socket', rootSocket, 'get', '-w', '-o', 'name']);
    await eventually(() => running.out() !== '', { everyMs: 5 });
    running.child.stdout?.destroy();
    let isOver = false;
    void running.ended.then(() => {
      isOver = true;
    });
    await eventually(() => {
      control.putRunning('web');
      return isOver;
    });
    const { code, err } = await running.ended;
    assert.deepEqual([code, err], [0, '']);
  });
});
