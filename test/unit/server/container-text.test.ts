import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hasUnsafe } from '../../../src/view/escape.ts';
import { paintAnsi } from '../../../src/view/paint.ts';
import { API, ask } from './ask.ts';
import { serve } from './serving.ts';

/** As Kubernetes' clients never ask: for what people read. */
const text = (socket: string, query = '', accept = 'text/plain') =>
  ask(socket, 'GET', `${API}/containers${query}`, undefined, { accept });

describe('containers as text', () => {
  it('are the table that people see, sorted by name', async t => {
    const { control, rootSocket, readSocket } = await serve(t);
    control.putRunning('web');
    control.put('db');
    for (const socket of [rootSocket, readSocket]) {
      const { code, headers, text: table } = await text(socket);
      assert.equal(code, 200);
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
      assert.equal(headers.warning, undefined);
      assert.match(
        table,
        /^NAME +READY +STATUS +RESTARTS +AGE +ADDRESS\ndb +Unknown +Pending .*\nweb +True +Running .*\n$/,
      );
      assert.ok(!table.includes('\u001b'));
    }
  });

  it('are painted, wide, or names where that is asked for', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    const painted = (await text(rootSocket, '', 'text/plain;style=ansi')).text;
    assert.ok(painted.includes(paintAnsi('good', 'Running')));
    assert.match(
      (await text(rootSocket, '', 'text/plain; as=wide')).text,
      /^NAME .* ADDRESS +LEADER +MANIFEST +REASON\n/,
    );
    assert.equal((await text(rootSocket, '', 'text/plain;as=name')).text, 'container/web\n');
    assert.equal((await text(rootSocket, '', 'text/plain;as=words')).text, 'web\tRunning\n');
  });

  it('are those named, each once and in that order, or those selected', async t => {
    const { control, rootSocket } = await serve(t);
    for (const name of ['a', 'b', 'c']) control.putRunning(name);
    const names = async (query: string) => (await text(rootSocket, query, 'text/plain;as=name')).text;
    assert.equal(await names('?name=c&name=a&name=c'), 'container/c\ncontainer/a\n');
    assert.equal(await names('?fieldSelector=metadata.name=b'), 'container/b\n');
    const both = await text(rootSocket, '?name=a&fieldSelector=metadata.name=b');
    assert.equal(both.code, 400);
  });

  it('are refused where there is more to say than a text can', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    assert.equal((await text(rootSocket, '?name=web&name=ghost')).code, 404);
    assert.equal((await text(rootSocket, '?watch=1')).code, 400);
    control.sourceStatus = { ...control.sourceStatus, isHealthy: false, message: 'grün "quoted"' };
    const { code, json } = await text(rootSocket);
    assert.equal(code, 406);
    assert.equal(json.reason, 'NotAcceptable');
    control.sourceStatus = { ...control.sourceStatus, lastScan: new Date(0).toISOString() };
    assert.equal((await text(rootSocket)).code, 503);
  });

  it('come with what has to be said besides', async t => {
    const { control, rootSocket } = await serve(t);
    const none = await text(rootSocket);
    assert.equal(none.text, '');
    assert.equal(none.headers.warning, '299 - "No containers found in /etc/nspawnd/manifests."');
    control.sourceStatus = { ...control.sourceStatus, isHealthy: false, message: 'is not there' };
    const warning = (await text(rootSocket)).headers.warning;
    assert.match(String(warning), /No containers.*, 299 - "\/etc\/nspawnd\/manifests: is not there"$/);
    assert.equal((await text(rootSocket, '', 'text/plain;as=words')).headers.warning, undefined);
  });

  it('are objects for whoever does not ask for text first, or for a text that is not known', async t => {
    const { control, rootSocket } = await serve(t);
    control.putRunning('web');
    for (const accept of ['*/*', 'application/json, text/plain', 'text/plain;as=poem', 'text/html'])
      assert.equal((await text(rootSocket, '', accept)).json?.kind, 'ContainerList', accept);
  });

  it('say nothing that a terminal obeys', async t => {
    const { control, rootSocket } = await serve(t);
    const web = control.putRunning('web');
    const hostile = '\u001b]0;owned\u0007\u009b31m\n\u202e';
    control.replace({ ...web, status: { ...web.status, addresses: [hostile] } });
    for (const as of ['table', 'wide']) {
      const { text: table } = await text(rootSocket, '', `text/plain;as=${as}`);
      assert.deepEqual(table.split('\n').filter(hasUnsafe), []);
    }
  });
});
