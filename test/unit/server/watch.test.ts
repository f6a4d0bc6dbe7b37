import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../../testbed/eventually.ts';
import { API, ask, openWatch } from './ask.ts';
import { ControlModel } from './control-model.ts';
import { serve } from './serving.ts';

const soon = { everyMs: 2, timeoutMs: 5_000 };

describe('watch', () => {
  it('tells everything that is, then every change in order', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web');
    control.put('db');
    const watch = await openWatch(rootSocket);
    await eventually(() => watch.events.length === 2, soon);
    control.putRunning('web');
    control.put('new');
    control.remove('db');
    await eventually(() => watch.events.length === 5, soon);
    assert.deepEqual(watch.seen(), ['ADDED web', 'ADDED db', 'MODIFIED web', 'ADDED new', 'DELETED db']);
    assert.deepEqual(watch.events[2]?.object, control.get('web'));
    watch.leave();
  });

  it('goes on from a resourceVersion without telling again what was known', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web');
    const list = await ask(rootSocket, 'GET', `${API}/containers`);
    control.putRunning('web');
    control.put('db');
    const watch = await openWatch(rootSocket, `resourceVersion=${list.json.metadata.resourceVersion}`);
    control.remove('db');
    await eventually(() => watch.events.length === 3, soon);
    assert.deepEqual(watch.seen(), ['MODIFIED web', 'ADDED db', 'DELETED db']);
    watch.leave();
  });

  it('sends a client away with 410 whose version is forgotten, or of another daemon', async t => {
    const { control, rootSocket } = await serve(t, { limits: { historyChanges: 4 } });
    for (let number = 0; number < 10; number += 1) control.put(`c${number}`);
    const newest = Number(control.resourceVersion());
    for (const version of [1, newest - 5, newest + 1]) {
      const answer = await ask(rootSocket, 'GET', `${API}/containers?watch=1&resourceVersion=${version}`);
      assert.equal(answer.code, 410, String(version));
      assert.equal(answer.json.reason, 'Expired');
    }
    const watch = await openWatch(rootSocket, `resourceVersion=${newest - 4}`);
    await eventually(() => watch.events.length === 4, soon);
    watch.leave();
  });

  it('forgets sooner what is large', async t => {
    const { control, rootSocket } = await serve(t, { limits: { historyLength: 500_000 } });
    const before = control.resourceVersion();
    for (let number = 0; number < 10; number += 1)
      control.put(`c${number}`, { labels: { note: 'x'.repeat(100_000) } });
    const newest = Number(control.resourceVersion());
    const query = (version: string | number) => `${API}/containers?watch=1&resourceVersion=${version}`;
    assert.equal((await ask(rootSocket, 'GET', query(before))).code, 410);
    const watch = await openWatch(rootSocket, `resourceVersion=${newest - 4}`);
    await eventually(() => watch.events.length === 4, soon);
    watch.leave();
  });

  it('refuses a version that is none', async t => {
    const { rootSocket } = await serve(t);
    for (const query of ['resourceVersion=abc', 'resourceVersion=-1', 'timeoutSeconds=soon']) {
      const { code } = await ask(rootSocket, 'GET', `${API}/containers?watch=1&${query}`);
      assert.equal(code, 400, query);
    }
  });

  it('says how far it is, on an interval, to those who asked', async t => {
    const { control, rootSocket } = await serve(t, { limits: { bookmarkMs: 5 } });
    const asked = await openWatch(rootSocket, 'allowWatchBookmarks=true');
    const unasked = await openWatch(rootSocket);
    control.put('web');
    await eventually(() => asked.seen().includes(`BOOKMARK ${control.resourceVersion()}`), soon);
    assert.deepEqual(unasked.seen(), ['ADDED web']);
    asked.leave();
    unasked.leave();
  });

  it('marks the end of what is for those who want to know', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web');
    control.put('db');
    const watch = await openWatch(rootSocket, 'sendInitialEvents=true&fieldSelector=metadata.name%3Dweb');
    await eventually(() => watch.events.length === 2, soon);
    assert.deepEqual(watch.seen(), ['ADDED web', `BOOKMARK ${control.resourceVersion()}`]);
    const [, end] = watch.events;
    assert.deepEqual(end?.object.metadata, {
      resourceVersion: control.resourceVersion(),
      annotations: { 'k8s.io/initial-events-end': 'true' },
    });
    watch.leave();
  });

  it('of one name tells only of it', async t => {
    const { control, rootSocket } = await serve(t);
    control.put('web');
    const watch = await openWatch(rootSocket, 'fieldSelector=metadata.name%3Ddb');
    control.put('other');
    control.put('db');
    await eventually(() => watch.events.length === 1, soon);
    assert.deepEqual(watch.seen(), ['ADDED db']);
    watch.leave();
  });

  it('ends in good order after timeoutSeconds', async t => {
    const { rootSocket } = await serve(t);
    const watch = await openWatch(rootSocket, 'timeoutSeconds=1');
    await eventually(() => watch.isComplete(), soon);
  });

  it('tells of a thousand containers, and the changes during the telling after them', async t => {
    const control = new ControlModel();
    const padding = 'x'.repeat(2_000);
    for (let number = 0; number < 1_000; number += 1) control.putRunning(`c${number}`, { message: padding });
    const { rootSocket } = await serve(t, { control });
    const watch = await openWatch(rootSocket);
    watch.pause();
    control.putRunning('c0', { message: 'changed' });
    watch.resume();
    await eventually(() => watch.events.length === 1_001, soon);
    assert.equal(watch.seen().at(-1), 'MODIFIED c0');
    watch.leave();
  });

  it('cuts off a reader that leaves too much unread, and keeps the others', async t => {
    const { control, rootSocket } = await serve(t, { limits: { unreadBytes: 64 * 1024 } });
    const slow = await openWatch(rootSocket);
    slow.pause();
    const quick = await openWatch(rootSocket);
    const padding = 'x'.repeat(10_000);
    const sent = 400;
    for (let number = 1; number <= sent; number += 1) {
      control.putRunning('web', { message: padding });
      if (number % 4 === 0) await eventually(() => quick.events.length === number, soon);
    }
    assert.equal(quick.hasEnded(), false);
    slow.resume();
    await eventually(() => slow.hasEnded(), soon);
    assert.equal(slow.isComplete(), false);
    assert.ok(slow.events.length < sent, `${slow.events.length} of ${sent}`);
    quick.leave();
  });

  it('cuts off a reader that takes nothing at all for too long', async t => {
    const control = new ControlModel();
    const padding = 'x'.repeat(10_000);
    for (let number = 0; number < 300; number += 1) control.put(`c${number}`, { message: padding });
    const { rootSocket } = await serve(t, { control, limits: { stallMs: 50, watchers: 1 } });
    const stalled = await openWatch(rootSocket);
    stalled.pause();
    // There is room for one: the next is let in when the first is thrown out.
    const next = await eventually(() => openWatch(rootSocket).catch(() => null), soon);
    next.leave();
    stalled.resume();
    await eventually(() => stalled.hasEnded(), soon);
    assert.equal(stalled.isComplete(), false);
  });

  it('bounds the number of watches per socket, and frees the place of one who leaves', async t => {
    const { rootSocket, readSocket } = await serve(t, { limits: { watchers: 2 } });
    const watches = [await openWatch(readSocket), await openWatch(readSocket)];
    const refused = await ask(readSocket, 'GET', `${API}/containers?watch=true`);
    assert.equal(refused.code, 429);
    assert.equal(refused.json.reason, 'TooManyRequests');
    const rooted = await openWatch(rootSocket);
    watches[0]?.leave();
    const again = await eventually(() => openWatch(readSocket).catch(() => null), soon);
    for (const watch of [...watches, rooted, again]) watch.leave();
  });
});
