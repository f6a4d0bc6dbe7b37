import assert from 'node:assert/strict';
import { link, unlink } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { NspawndError } from '../../../src/errors.ts';
import { productVersion } from '../../../src/version.ts';
import { ControlModel } from '../server/control-model.ts';
import { serve, temporaryDirectory } from '../server/serving.ts';
import { nspawnctl } from './nspawnctl.ts';

const EVERY_COMMAND = [
  ['get'],
  ['get', '-w'],
  ['describe', 'web'],
  ['diff'],
  ['start', 'web'],
  ['stop', 'web', '--no-wait'],
  ['prune'],
  ['prune', '--confirm', 'abc'],
  ['version'],
];

const OWN = `nspawnctl ${productVersion()}\n`;

describe('without a daemon', () => {
  it('every command says so and how to start it (69)', async t => {
    const socket = join(await temporaryDirectory(t), 'nspawnd.sock');
    for (const args of EVERY_COMMAND) {
      const { code, err } = await nspawnctl(['--socket', socket, ...args]);
      assert.equal(code, 69, args.join(' '));
      assert.match(
        err,
        /^nspawnctl: nspawnd is not running: no socket .*\n {2}start it: systemctl start nspawnd\n/,
      );
    }
  });

  it('a socket left behind is told apart from none (69)', async t => {
    const directory = await temporaryDirectory(t);
    const server = createServer();
    await listen(server, join(directory, 'live'));
    await link(join(directory, 'live'), join(directory, 'nspawnd.sock'));
    await new Promise(resolve => server.close(resolve));
    await unlink(join(directory, 'live')).catch(() => {});
    const { code, err } = await nspawnctl(['--socket', directory, 'get']);
    assert.equal(code, 69);
    assert.match(err, /nothing listens on .*nspawnd\.sock\n {2}start it/);
  });

  it('version still says its own, and --client asks nobody', async t => {
    const directory = await temporaryDirectory(t);
    const both = await nspawnctl(['--socket', directory, 'version']);
    assert.deepEqual([both.code, both.out], [69, OWN]);
    const own = await nspawnctl(['--socket', directory, 'version', '--client']);
    assert.deepEqual([own.code, own.out, own.err], [0, OWN, '']);
    const option = await nspawnctl(['--version']);
    assert.deepEqual([option.code, option.out], [0, OWN]);
  });
});

describe('with a daemon that is not well', () => {
  it('one that never answers is given up on (69)', async t => {
    const socket = await listenRaw(t, () => {});
    for (const args of [['get'], ['get', '-w'], ['create', 'new', '--root', '/r']]) {
      const { code, err } = await nspawnctl(['--socket', socket, '--request-timeout', '100ms', ...args]);
      assert.equal(code, 69, args.join(' '));
      assert.match(
        err,
        /^nspawnctl: nspawnd did not answer on .* within 100ms\n {2}see why: systemctl status/,
      );
      assert.equal(err.includes('may still happen'), args[0] === 'create', err);
    }
  });

  it('one that is starting is waited for, which a person is told, and given up on in the end (69)', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { sourceStatus } = control;
    control.sourceStatus = { ...sourceStatus, lastScan: '' };
    const { rootSocket } = await serve(t, { control });
    const given = await nspawnctl(['--socket', rootSocket, 'get', '--request-timeout', '300ms']);
    assert.equal(given.code, 69);
    assert.match(
      given.err,
      /^nspawnctl: nspawnd is starting: it has not read the manifests yet\n {2}see why: /,
    );
    const waiting = nspawnctl(['--socket', rootSocket, 'get', '-o', 'name', '--request-timeout', '30s']);
    setTimeout(() => {
      control.sourceStatus = sourceStatus;
    }, 1_200);
    const { code, out, err } = await waiting;
    assert.deepEqual([code, out], [0, 'container/web\n']);
    assert.equal(err, 'nspawnctl: nspawnd is starting; waiting for it (30s at most)\n');
  });

  it('one that stops in the middle of an answer is given up on (69)', async t => {
    const socket = await listenRaw(t, connection => {
      connection.write(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"kind',
      );
    });
    const { code } = await nspawnctl(['--socket', socket, 'get', '--request-timeout', '100ms']);
    assert.equal(code, 69);
  });

  it('one that hangs up in the middle is told as lost (69)', async t => {
    for (const answer of ['', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"kind']) {
      const socket = await listenRaw(t, connection => connection.end(answer));
      const { code, err } = await nspawnctl(['--socket', socket, 'get']);
      assert.equal(code, 69);
      assert.match(err, /^nspawnctl: lost nspawnd on /);
    }
  });

  it('something else that answers is not taken for it (69)', async t => {
    for (const [status, body] of [
      [200, '<html>hello</html>'],
      [404, 'nothing here'],
      [500, '{"kind":"Other"}'],
    ] as const) {
      const server = createHttpServer((_request, response) => {
        response.writeHead(status).end(body);
      });
      const socket = join(await temporaryDirectory(t), 'other.sock');
      await listen(server, socket);
      t.after(() => server.close());
      const { code, err } = await nspawnctl(['--socket', socket, 'get']);
      assert.equal(code, 69);
      assert.match(err, /is not nspawnd/);
    }
  });

  it('a bug of the daemon is 70, a broken world 69', async t => {
    const control = new ControlModel();
    control.put('web');
    const { rootSocket } = await serve(t, { control });
    control.request = async () => {
      throw new TypeError('oops');
    };
    const bug = await nspawnctl(['--socket', rootSocket, 'stop', 'web']);
    assert.equal(bug.code, 70);
    assert.match(bug.err, /^nspawnctl: oops/);
    control.request = async () => {
      throw new NspawndError('BusUnavailable', 'no bus');
    };
    const broken = await nspawnctl(['--socket', rootSocket, 'stop', 'web']);
    assert.equal(broken.code, 69);
    assert.match(broken.err, /BusUnavailable: no bus/);
  });

  it('an answer that makes no sense is a bug, and says so (70)', async t => {
    const control = new ControlModel();
    control.put('web');
    control.list = () => [{ metadata: { name: 'web' } } as never];
    const { rootSocket } = await serve(t, { control });
    const { code, err } = await nspawnctl(['--socket', rootSocket, 'get']);
    assert.equal(code, 70);
    assert.match(err, /this is a bug in nspawnctl; please report it/);
  });
});

describe('permissions', () => {
  it('a verb on the reading socket is refused, naming the other (77)', async t => {
    const control = new ControlModel();
    control.putRunning('web');
    const { readSocket, rootSocket } = await serve(t, { control });
    for (const args of [
      ['stop', 'web'],
      ['prune', '--confirm', 'abc'],
    ]) {
      const { code, err } = await nspawnctl(['--socket', readSocket, ...args]);
      assert.equal(code, 77, args.join(' '));
      assert.ok(err.includes(rootSocket), err);
    }
    assert.deepEqual(control.requests, []);
    assert.equal((await nspawnctl(['--socket', readSocket, 'diff'])).code, 0);
  });
});

describe('usage', () => {
  it('mistakes are 2, and say what there is', async () => {
    for (const [args, said] of [
      [[], /Usage: nspawnctl/],
      [['gte'], /unknown command 'gte'\n\(Did you mean get\?\)/],
      [['get', '--bogus'], /unknown option '--bogus'/],
      [['get', '-o', 'xml'], /Allowed choices are wide, json, yaml, name/],
      [['describe'], /missing required argument 'name'/],
      [['status', 'a', 'b'], /too many arguments/],
      [['stop'], /missing required argument 'name'/],
      [['stop', 'a', '--timeout', 'soon'], /Not a time span such as/],
      [['get', '--request-timeout', '0'], /Not a time span such as/],
      [['validate'], /missing required argument 'file'/],
      [['prune', '--confirm'], /argument missing/],
    ] as const) {
      const { code, out, err } = await nspawnctl(args);
      assert.deepEqual([code, out], [2, ''], args.join(' '));
      assert.match(err, said);
    }
  });

  it('help is no mistake', async () => {
    for (const args of [['--help'], ['help'], ['help', 'get'], ['get', '--help']]) {
      const { code, out } = await nspawnctl(args);
      assert.equal(code, 0, args.join(' '));
      assert.match(out, /^Usage: nspawnctl/);
    }
  });
});

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/** A daemon that accepts, and then does what it is told with the connection. */
async function listenRaw(t: TestContext, onRequest: (connection: Socket) => void): Promise<string> {
  const connections = new Set<Socket>();
  const server = createServer(connection => {
    connections.add(connection);
    connection.on('error', () => {});
    connection.once('data', () => onRequest(connection));
  });
  const socket = join(await temporaryDirectory(t), 'hung.sock');
  await listen(server, socket);
  t.after(() => {
    for (const connection of connections) connection.destroy();
    server.close();
  });
  return socket;
}
