import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, rmdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { observeRoot, prepareRoot } from '../../../src/host/root-tree.ts';
import { scratch } from './scratch.ts';

const SKELETON = ['etc', 'var', 'var/lib', 'etc/os-release'];

interface Place {
  readonly root: string;
  /** What nobody may touch: it stands for the host's own /etc. */
  readonly outside: string;
}

async function place(context: TestContext): Promise<Place> {
  const directory = await scratch(context);
  await mkdir(join(directory, 'root'));
  await mkdir(join(directory, 'outside'));
  await writeFile(join(directory, 'outside/hosts'), 'the host\n');
  return { root: join(directory, 'root'), outside: join(directory, 'outside') };
}

/** Every file below a directory with its kind and size. */
function picture(directory: string): string {
  return execFileSync('find', [directory, '-printf', '%P %y %s %m\n'], { encoding: 'utf8' })
    .split('\n')
    .sort()
    .join('\n');
}

/** Prepares the tree, with all that can be missing asked for; nothing outside it may change, whether or not that works. */
async function prepareHostile({ root, outside }: Place): Promise<'refused' | 'done'> {
  const before = picture(outside);
  const result = await prepareRoot(root, SKELETON).then(
    () => 'done' as const,
    () => 'refused' as const,
  );
  assert.equal(picture(outside), before);
  return result;
}

describe('a root that', () => {
  test('has everything is ready, and misses nothing', async context => {
    const { root } = await place(context);
    await prepareRoot(root, SKELETON);
    assert.deepEqual(await observeRoot(root), { state: 'ready', realPath: root, missing: [], detail: '' });
  });
  test('is empty misses the whole skeleton, and gets it', async context => {
    const { root } = await place(context);
    assert.deepEqual((await observeRoot(root)).missing, SKELETON);
    await prepareRoot(root, SKELETON);
    await prepareRoot(root, SKELETON);
    assert.deepEqual((await observeRoot(root)).missing, []);
    assert.equal((await stat(join(root, 'etc/os-release'))).size, 0);
  });
  test('is not there is missing', async context => {
    assert.equal((await observeRoot(join(await scratch(context), 'none'))).state, 'missing');
  });
  test('is a file is no directory', async context => {
    const path = join(await scratch(context), 'file');
    await writeFile(path, '');
    assert.equal((await observeRoot(path)).state, 'not-a-directory');
  });
  test('is a symlink is told where it leads', async context => {
    const { root } = await place(context);
    await symlink(root, `${root}-link`);
    await symlink('nowhere', `${root}-dangling`);
    const { state, detail } = await observeRoot(`${root}-link`);
    assert.deepEqual([state, detail], ['symlink', root]);
    assert.equal((await observeRoot(`${root}-dangling`)).state, 'symlink');
  });
  test('has its os-release as a symlink, as systems do, misses nothing', async context => {
    const { root } = await place(context);
    await prepareRoot(root, ['etc', 'var', 'var/lib']);
    await symlink('../usr/lib/os-release', join(root, 'etc/os-release'));
    assert.deepEqual((await observeRoot(root)).missing, []);
  });
  test('has its os-release only below usr misses nothing', async context => {
    const { root } = await place(context);
    await mkdir(join(root, 'usr/lib'), { recursive: true });
    await writeFile(join(root, 'usr/lib/os-release'), '');
    assert.deepEqual((await observeRoot(root)).missing, ['etc', 'var', 'var/lib']);
  });
});

describe('a hostile root', () => {
  test('with a symlink for its etc is unsafe, and nothing is made through it', async context => {
    const hostile = await place(context);
    await symlink(hostile.outside, join(hostile.root, 'etc'));
    const { state, detail } = await observeRoot(hostile.root);
    assert.equal(state, 'unsafe');
    assert.match(detail, /a symbolic link/);
    assert.equal(await prepareHostile(hostile), 'refused');
  });
  test('with a file for its etc is unsafe', async context => {
    const { root } = await place(context);
    await writeFile(join(root, 'etc'), '');
    assert.equal((await observeRoot(root)).state, 'unsafe');
  });
  test('with a symlink for its var gets nothing made through it', async context => {
    const hostile = await place(context);
    await symlink(hostile.outside, join(hostile.root, 'var'));
    assert.deepEqual((await observeRoot(hostile.root)).missing, ['etc', 'etc/os-release']);
    assert.equal(await prepareHostile(hostile), 'refused');
  });
  test('with a symlink for its var/lib keeps it', async context => {
    const hostile = await place(context);
    await mkdir(join(hostile.root, 'var'));
    await symlink(hostile.outside, join(hostile.root, 'var/lib'));
    assert.deepEqual((await observeRoot(hostile.root)).missing, ['etc', 'etc/os-release']);
    assert.equal(await prepareHostile(hostile), 'done');
  });
  test('with a dangling symlink for its os-release gets no file made at its end', async context => {
    const hostile = await place(context);
    await mkdir(join(hostile.root, 'etc'));
    await symlink(join(hostile.outside, 'made'), join(hostile.root, 'etc/os-release'));
    assert.ok(!(await observeRoot(hostile.root)).missing.includes('etc/os-release'));
    assert.equal(await prepareHostile(hostile), 'done');
  });
  test('with a symlink on the way to its other os-release is told nothing of where it leads', async context => {
    const { root, outside } = await place(context);
    await mkdir(join(outside, 'lib'));
    await writeFile(join(outside, 'lib/os-release'), '');
    await symlink(outside, join(root, 'usr'));
    assert.deepEqual((await observeRoot(root)).missing, SKELETON);
    await rm(join(root, 'usr'));
    await mkdir(join(root, 'usr'));
    await symlink(join(outside, 'lib'), join(root, 'usr/lib'));
    assert.deepEqual((await observeRoot(root)).missing, SKELETON);
  });
  test('that changes between the look and the work gets nothing made outside', async context => {
    const hostile = await place(context);
    const { missing } = await observeRoot(hostile.root);
    await mkdir(join(hostile.root, 'etc'));
    await rmdir(join(hostile.root, 'etc'));
    await symlink(hostile.outside, join(hostile.root, 'etc'));
    assert.deepEqual(missing, SKELETON);
    assert.equal(await prepareHostile(hostile), 'refused');
    assert.deepEqual(await readdir(hostile.outside), ['hosts']);
  });
});
