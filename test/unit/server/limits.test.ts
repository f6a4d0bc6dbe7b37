import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../../testbed/eventually.ts';
import { API, ask } from './ask.ts';
import { serve } from './serving.ts';
import { talkTo } from './talk.ts';

const soon = { everyMs: 2, timeoutMs: 5_000 };
const MIB = 1024 * 1024;

describe('limits', () => {
  it('takes 4 MiB for a preview and 64 KiB elsewhere', async t => {
    const { rootSocket, control } = await serve(t);
    const body = (bytes: number) => ({ files: [{ file: '/a', text: 'x'.repeat(bytes) }] });
    const fits = await ask(rootSocket, 'POST', `${API}/preview`, body(4 * MIB - 100));
    assert.equal(fits.code, 200);
    for (const [path, bytes] of [
      ['preview', 4 * MIB],
      ['prune', 64 * 1024],
      ['containers/web/start', 64 * 1024],
    ] as const) {
      const { code, json } = await ask(rootSocket, 'POST', `${API}/${path}`, body(bytes));
      assert.equal(code, 413, path);
      assert.equal(json.reason, 'RequestEntityTooLarge');
    }
    assert.equal(control.previewed.length, 1);
  });

  it('stops reading a body without a length when it is too long', async t => {
    const { rootSocket } = await serve(t);
    const talk = talkTo(rootSocket);
    talk.say(
      `POST ${API}/prune HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    for (let number = 0; number < 10; number += 1) talk.say(`4000\r\n${' '.repeat(0x4000)}\r\n`);
    await eventually(() => talk.heard().startsWith('HTTP/1.1 413'), soon);
    talk.hangUp();
  });

  it('refuses a URL or headers that are too large', async t => {
    const { rootSocket } = await serve(t);
    const { code, json } = await ask(rootSocket, 'GET', `/${'a'.repeat(20_000)}`);
    assert.equal(code, 431);
    assert.equal(json.reason, 'RequestHeaderFieldsTooLarge');
    const long = await ask(rootSocket, 'GET', `${API}/containers/${'a'.repeat(4_000)}`);
    assert.ok(long.code === 404 || long.code === 400);
    assert.equal(long.json.kind, 'Status');
  });

  it('answers what is not HTTP with a Status and hangs up', async t => {
    const { rootSocket } = await serve(t);
    const talk = talkTo(rootSocket);
    talk.say('\u0016\u0003\u0001 this is not HTTP\r\n\r\n');
    await eventually(() => talk.isOver(), soon);
    assert.match(talk.heard(), /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(talk.heard(), /"kind":"Status".*"reason":"BadRequest"/);
  });

  it('gives up on an answer that does not come', async t => {
    const { rootSocket, control } = await serve(t, { limits: { handlerTimeoutMs: 50 } });
    control.onPreview = () => new Promise(() => {});
    const { code, json } = await ask(rootSocket, 'GET', `${API}/preview`);
    assert.equal(code, 504);
    assert.equal(json.reason, 'Timeout');
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
  });

  it('bounds the connections of a socket, and the other goes on', async t => {
    const { rootSocket, readSocket } = await serve(t, { limits: { connections: 3 } });
    const talks = [1, 2, 3].map(() => talkTo(readSocket));
    await eventually(() => talks.every(talk => talk.isOpen()), soon);
    await eventually(
      () =>
        ask(readSocket, 'GET', '/healthz').then(
          () => false,
          () => true,
        ),
      soon,
    );
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
    for (const talk of talks) talk.hangUp();
    await eventually(() => ask(readSocket, 'GET', '/healthz').then(({ code }) => code === 200), soon);
  });
});
