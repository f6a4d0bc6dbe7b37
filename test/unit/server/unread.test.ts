import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Preview } from '../../../src/controller/ports.ts';
import { eventually } from '../../testbed/eventually.ts';
import { API, ask, openWatch } from './ask.ts';
import { ControlModel } from './control-model.ts';
import { serve } from './serving.ts';
import { type Talk, talkTo } from './talk.ts';

const soon = { everyMs: 2, timeoutMs: 5_000 };

const asking = (...paths: readonly string[]) =>
  paths.map(path => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`).join('');

/** More than the buffers of a socket take. */
function manyContainers(): ControlModel {
  const control = new ControlModel();
  const message = 'x'.repeat(10_000);
  for (let number = 0; number < 300; number += 1) control.put(`c${number}`, { message });
  return control;
}

/** Previews that are done when the test says so. */
function holdPreviews(control: ControlModel): () => void {
  let release = () => {};
  const released = new Promise<readonly Preview[]>(resolve => {
    release = () => resolve([]);
  });
  control.onPreview = () => released;
  return release;
}

describe('a client that asks and does not read', () => {
  it('is answered one request after the other', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web');
    const release = holdPreviews(control);
    const talk = talkTo(rootSocket);
    talk.say(
      `${asking(`${API}/preview`)}POST ${API}/containers/web/start HTTP/1.1\r\nhost: x\r\n\r\n${asking('/version', '/healthz')}`,
    );
    await eventually(() => control.previewed.length === 1, soon);
    // All came in one packet: had the second been begun with, it would have been before this is answered.
    assert.equal((await ask(rootSocket, 'GET', '/healthz')).code, 200);
    assert.deepEqual(control.requests, []);
    release();
    await eventually(() => talk.heard().endsWith('ok'), soon);
    assert.deepEqual(control.requests, [{ name: 'web', verb: 'start' }]);
    assert.deepEqual(talk.heard().match(/HTTP\/1\.1 \d+|"kind":"PreviewList"|"gitVersion"/g), [
      'HTTP/1.1 200',
      '"kind":"PreviewList"',
      'HTTP/1.1 200',
      'HTTP/1.1 200',
      '"gitVersion"',
      'HTTP/1.1 200',
    ]);
    talk.hangUp();
  });

  it('may have eight requests unanswered, and with one more is hung up on', async t => {
    const { control, readSocket } = await serve(t);
    const release = holdPreviews(control);
    const eight = talkTo(readSocket);
    const paths = Array.from({ length: 8 }, () => `${API}/preview`);
    eight.say(asking(...paths));
    const more = talkTo(readSocket);
    more.say(asking(...paths, '/healthz', '/healthz', '/healthz'));
    await eventually(() => more.isOver(), soon);
    assert.equal(more.heard(), '');
    release();
    await eventually(() => eight.heard().match(/PreviewList/g)?.length === 8, soon);
    assert.equal(eight.isOver(), false);
    eight.say(asking(...paths));
    await eventually(() => eight.heard().match(/PreviewList/g)?.length === 16, soon);
    eight.hangUp();
  });

  it('is not answered out of turn where it expects something unheard of', async t => {
    const { control, readSocket } = await serve(t);
    holdPreviews(control);
    const talk = talkTo(readSocket);
    const strange = 'GET /healthz HTTP/1.1\r\nhost: x\r\nexpect: cake\r\n\r\n';
    talk.say(asking(`${API}/preview`) + strange.repeat(8));
    await eventually(() => talk.isOver(), soon);
  });

  it('leaves no watch behind that was asked for behind another', async t => {
    const { readSocket } = await serve(t, { limits: { watchers: 2 } });
    const talk = talkTo(readSocket);
    talk.say(asking(`${API}/containers?watch=1`, `${API}/containers?watch=1`));
    await eventually(() => talk.heard().startsWith('HTTP/1.1 200'), soon);
    talk.hangUp();
    const first = await eventually(() => openWatch(readSocket).catch(() => null), soon);
    const second = await eventually(() => openWatch(readSocket).catch(() => null), soon);
    first.leave();
    second.leave();
  });

  it('is cut off when it does not take its answer, and a watch that waits goes on', async t => {
    const limits = { takeTimeoutMs: 50, connections: 2 };
    const { control, readSocket } = await serve(t, { control: manyContainers(), limits });
    const watch = await openWatch(readSocket, 'fieldSelector=metadata.name%3Dc0');
    const slow = talkTo(readSocket);
    slow.pause();
    slow.say(asking(`${API}/containers`));
    await eventually(() => slow.isOpen(), soon);
    // There is room for two: the next is let in when the slow one is thrown out.
    await eventually(() => ask(readSocket, 'GET', '/healthz').catch(() => null), soon);
    control.putRunning('c0');
    await eventually(() => watch.seen().includes('MODIFIED c0'), soon);
    watch.leave();
    slow.hangUp();
  });

  it('is cut off when others leave as much, the one that had the longest time first', async t => {
    // Each list has three.
    const limits = { untakenBytes: 10_000_000 };
    const { readSocket } = await serve(t, { control: manyContainers(), limits });
    const slow = Array.from({ length: 4 }, () => talkTo(readSocket));
    for (const talk of slow) {
      await eventually(() => talk.isOpen(), soon);
      talk.pause();
      talk.say(asking(`${API}/containers`));
      assert.equal((await ask(readSocket, 'GET', `${API}/containers`)).json.items.length, 300);
    }
    for (const talk of slow) talk.resume();
    const isWhole = (talk: Talk) => talk.heard().endsWith(']}');
    await eventually(() => slow.every(talk => talk.isOver() || isWhole(talk)), soon);
    assert.deepEqual(slow.map(isWhole), [false, false, true, true]);
    for (const talk of slow) talk.hangUp();
  });

  it('is cut off when it does not take the end of a watch', async t => {
    const limits = { stallMs: 1_500, watchers: 1 };
    const { readSocket } = await serve(t, { control: manyContainers(), limits });
    // The end comes while the reader stalls, and before it has done so for too long.
    const stalled = await openWatch(readSocket, 'timeoutSeconds=1');
    stalled.pause();
    const next = await eventually(() => openWatch(readSocket).catch(() => null), soon);
    next.leave();
    stalled.leave();
  });
});

describe('requests that come at once', () => {
  it('are begun one at a turn of the loop', async t => {
    const { control, readSocket } = await serve(t);
    const list = control.list.bind(control);
    let atOnce = 0;
    let most = 0;
    control.list = () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      setImmediate(() => {
        atOnce -= 1;
      });
      return list();
    };
    const talks = Array.from({ length: 20 }, () => talkTo(readSocket));
    await eventually(() => talks.every(talk => talk.isOpen()), soon);
    for (const talk of talks) talk.say(asking(`${API}/containers`));
    await eventually(() => talks.every(talk => talk.heard().includes('ContainerList')), soon);
    // The next may begin before the turn of this one is over.
    assert.ok(most <= 2, `${most} at once`);
    for (const talk of talks) talk.hangUp();
  });
});

describe('previews of what is in force', () => {
  it('are made one at a time, whoever asks on whichever socket', async t => {
    const { control, rootSocket, readSocket } = await serve(t);
    let underWay = 0;
    let most = 0;
    control.onPreview = async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(resolve => setTimeout(resolve, 20));
      underWay -= 1;
      return [];
    };
    const sockets = [rootSocket, readSocket].flatMap(socket => Array.from({ length: 10 }, () => socket));
    const answers = await Promise.all(sockets.map(socket => ask(socket, 'GET', `${API}/preview`)));
    assert.deepEqual(new Set(answers.map(({ code }) => code)), new Set([200]));
    assert.equal(most, 1);
    assert.ok(control.previewed.length < sockets.length, `${control.previewed.length} previews`);
  });
});
