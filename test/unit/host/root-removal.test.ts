import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { placeInFileSystem } from '../../../src/host/mounts.ts';
import { inspectRoot, removeRoot, sizeOf } from '../../../src/host/root-removal.ts';
import { scratch } from './scratch.ts';

test('a root is deleted with all that is in it, and nothing that its links lead to', async context => {
  const directory = await scratch(context);
  const root = join(directory, 'web');
  await mkdir(join(root, 'etc/deep/er'), { recursive: true });
  await mkdir(join(directory, 'host'));
  await writeFile(join(directory, 'host/precious'), 'kept');
  await symlink(join(directory, 'host'), join(root, 'etc/link'));
  await symlink(join(directory, 'host'), join(root, 'var'));
  await mkdir(join(directory, 'host/empty'));
  const inspection = await inspectRoot(root);
  assert.equal(inspection?.objection, null);
  assert.ok((await sizeOf(root)) !== null);
  const asides: string[] = [];
  assert.equal(
    await removeRoot(
      inspection?.path ?? '',
      aside => asides.push(aside),
      async () => null,
    ),
    null,
  );
  assert.deepEqual(await readdir(directory), ['host']);
  assert.equal(await readFile(join(directory, 'host/precious'), 'utf8'), 'kept');
  assert.match(asides.join(), /^\/.*\/\.destroyed-web-[0-9a-f]{8}$/);
});

test('a root that somebody wants after all is where it was, and whole', async context => {
  const directory = await scratch(context);
  const root = join(directory, 'web');
  await mkdir(root);
  await writeFile(join(root, 'precious'), 'kept');
  const wanted = async () => {
    assert.ok(!(await readdir(directory)).includes('web'), 'it is asked when nobody finds it any more');
    return 'it is the root of "web"';
  };
  assert.equal(await removeRoot(root, () => undefined, wanted), 'it is the root of "web"');
  const cannotAsk = () => Promise.reject(new Error('no answer'));
  assert.match((await removeRoot(root, () => undefined, cannotAsk)) ?? '', /no answer/);
  assert.deepEqual(await readdir(directory), ['web']);
  assert.equal(await readFile(join(root, 'precious'), 'utf8'), 'kept');
});

test('a root that is none is not touched', async context => {
  const directory = await scratch(context);
  assert.equal(await inspectRoot(join(directory, 'missing')), null);
  await writeFile(join(directory, 'file'), '');
  await symlink(directory, join(directory, 'link'));
  for (const name of ['file', 'link']) {
    const inspection = await inspectRoot(join(directory, name));
    assert.match(inspection?.objection ?? '', /remove it by hand/);
    assert.equal(inspection?.maySubside, false);
  }
});

test('a root behind a link of the host is found where it is', async context => {
  const directory = await scratch(context);
  await mkdir(join(directory, 'disk/web'), { recursive: true });
  await symlink(join(directory, 'disk'), join(directory, 'machines'));
  const inspection = await inspectRoot(join(directory, 'machines/web'));
  assert.match(inspection?.path ?? '', /\/disk\/web$/);
});

test('a path is found in the file system that holds it', () => {
  const mount = (device: string, root: string, mountPoint: string) => ({
    ...{ id: '', type: 'ext4' },
    ...{ device, root, mountPoint },
  });
  const mounts = [mount('8:1', '/', '/'), mount('8:2', '/@sub', '/var/lib'), mount('8:3', '/', '/var/lib/x')];
  const check = (path: string, expected: string) => {
    const { device, root } = placeInFileSystem(path, mounts);
    assert.equal(`${device} ${root}`, expected);
  };
  check('/srv/web', '8:1 /srv/web');
  check('/var/lib/machines/web', '8:2 /@sub/machines/web');
  check('/var/lib/x', '8:3 /');
  check('/var/lib/xy', '8:2 /@sub/xy');
});
