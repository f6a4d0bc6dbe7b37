import assert from 'node:assert/strict';
import { it } from 'node:test';
import { API, ask } from './ask.ts';
import { serve } from './serving.ts';

it('whether a root may be deleted is told to root only: it looks at the file system as root', async t => {
  const { control, rootSocket, readSocket } = await serve(t);
  const looked: string[] = [];
  control.onRootObjection = path => {
    looked.push(path);
    return null;
  };
  const path = `${API}/roots?path=/root/secret`;
  const refused = await ask(readSocket, 'GET', path);
  assert.deepEqual([refused.code, refused.json.reason], [403, 'Forbidden']);
  assert.match(String(refused.json.message), /for reading only/);
  assert.deepEqual(looked, []);
  assert.equal((await ask(rootSocket, 'GET', path)).code, 200);
  assert.deepEqual(looked, ['/root/secret']);
});
