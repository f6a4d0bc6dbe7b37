import assert from 'node:assert/strict';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { UnitFiles } from '../../../src/host/unit-files.ts';
import { scratch } from './scratch.ts';

const OURS = '[Service]\nExecStart=/bin/true\n\n[X-Nspawnd]\nName=web\n';
const FOREIGN = '[Service]\nExecStart=/bin/false\n';

async function place(context: TestContext): Promise<UnitFiles> {
  return new UnitFiles(await scratch(context));
}

test('a unit that was never written is none', async context => {
  const files = await place(context);
  assert.deepEqual(await files.observe('web'), { owner: 'none', path: files.path('web'), text: '' });
  assert.deepEqual(await files.names(), []);
});

test('a unit that we wrote is ours, may be written again, and goes', async context => {
  const files = await place(context);
  await files.write('web', OURS);
  await files.write('web', `${OURS}# newer\n`);
  assert.equal((await files.observe('web')).owner, 'ours');
  assert.deepEqual(await files.names(), ['web']);
  await files.remove('web');
  await files.remove('web');
  assert.deepEqual(await files.names(), []);
});

test("somebody else's unit is neither overwritten nor removed, nor ours", async context => {
  const files = await place(context);
  await writeFile(files.path('web'), FOREIGN);
  await files.write('web', OURS);
  await files.remove('web');
  assert.equal(await readFile(files.path('web'), 'utf8'), FOREIGN);
  assert.equal((await files.observe('web')).owner, 'foreign');
  assert.deepEqual(await files.names(), []);
});

test("a mask is somebody else's, and stays", async context => {
  const files = await place(context);
  await symlink('/dev/null', files.path('web'));
  await files.write('web', OURS);
  await files.remove('web');
  assert.equal((await files.observe('web')).owner, 'foreign');
});

test('other files in the directory are no units of ours', async context => {
  const files = await place(context);
  await writeFile(files.path('web').replace('container@web', 'nginx'), OURS);
  await writeFile(`${files.path('web')}.d`, OURS);
  assert.deepEqual(await files.names(), []);
});
