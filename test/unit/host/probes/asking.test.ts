import assert from 'node:assert/strict';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { probeHttp } from '../../../../src/host/probes/http-probe.ts';
import { probeTcp } from '../../../../src/host/probes/tcp-probe.ts';

const { signal } = new AbortController();
const host = '127.0.0.1';

async function listening<T>(server: Server, use: (port: number) => Promise<T>): Promise<T> {
  await new Promise<void>(resolve => server.listen(0, host, resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

function http(answer: RequestListener, headers: readonly { name: string; value: string }[] = []) {
  const get = { host, path: '/x?y', scheme: 'HTTP', httpHeaders: [...headers] } as const;
  const server = createHttpServer(answer);
  return listening(server, async port => {
    const found = await probeHttp({ ...get, httpHeaders: [...headers], port }, 1, signal);
    server.closeAllConnections();
    return `${found.is} ${found.detail}`.trim();
  });
}

test('a port that accepts is good, one that refuses is not', async () => {
  const port = await listening(createServer(), async open => {
    assert.deepEqual(await probeTcp({ host, port: open }, 1, signal), { is: 'good', detail: '' });
    return open;
  });
  assert.deepEqual(await probeTcp({ host, port }, 1, signal), { is: 'bad', detail: 'connection refused' });
});

test('a status from 200 to 399 is good, also one that leads elsewhere', async () => {
  for (const status of [200, 204, 302, 399])
    assert.equal(
      await http((_, response) => response.writeHead(status, { location: 'http://10.9.9.9/' }).end()),
      'good',
    );
  for (const status of [400, 404, 503])
    assert.equal(await http((_, response) => response.writeHead(status).end()), `bad status ${status}`);
});

test('of a bad answer the first line is told, without what a terminal would obey', async () => {
  const body = '\n\u001b]0;title\u0007no \u001b[31mdatabase\nmore\n';
  assert.equal(await http((_, response) => response.writeHead(500).end(body)), 'bad status 500: no database');
});

test('a guest that talks without end, or never, is not listened to for longer than its time', async () => {
  const begun = performance.now();
  const endless = await http((_, response) => {
    response.writeHead(500);
    const timer = setInterval(() => response.write('x'.repeat(65_536)), 1);
    response.on('close', () => clearInterval(timer));
  });
  assert.match(endless, /^bad status 500: x{300}$/);
  assert.equal(await http(() => undefined), 'bad no answer within 1 s');
  const drip = await http((_, response) => {
    response.writeHead(500);
    const timer = setInterval(() => response.write('x'), 100);
    response.on('close', () => clearInterval(timer));
  });
  assert.equal(drip, 'bad no answer within 1 s');
  const bigHeader = await http((_, response) => response.writeHead(200, { x: 'x'.repeat(60_000) }).end());
  assert.match(bigHeader, /^bad /);
  assert.ok(performance.now() - begun < 10_000);
});

test('what is no HTTP is not good', async () => {
  const answer = await listening(
    createServer(socket => socket.end('\u0000\u0001 garbage\r\n\r\n')),
    port => probeHttp({ host, port, path: '/', scheme: 'HTTP', httpHeaders: [] }, 1, signal),
  );
  assert.equal(answer.is, 'bad');
});

test('a request says who asks, and what is written in the manifest wins', async () => {
  const asked: string[] = [];
  const note: RequestListener = (request, response) => {
    asked.push(
      `${request.url} ${request.headers.host} ${request.headers['user-agent']} ${request.headers['x-a']}`,
    );
    response.end();
  };
  await http(note);
  await http(note, [
    { name: 'host', value: 'example.org' },
    { name: 'User-Agent', value: 'me' },
    { name: 'X-A', value: '1' },
    { name: 'X-A', value: '2' },
  ]);
  assert.match(asked[0] ?? '', /^\/x\?y 127\.0\.0\.1:\d+ nspawnd-probe undefined$/);
  assert.equal(asked[1], '/x?y example.org me 1, 2');
});
