import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { leftoverCopiesOf } from '../../../src/host/ephemeral-copy.ts';
import { manifestOf } from '../planning/base-state.ts';
import { scratch } from './scratch.ts';

test('what a killed ephemeral guest left of its root is found, as each version of systemd calls it', async context => {
  const directory = await scratch(context);
  const root = join(directory, 'tree');
  const copies = ['.#machine.tree0123456789abcdef', '.#snapshot.treefedcba9876543210'];
  const others = [
    ...['tree', '.#machine.tree', '.#machine.tree-20123456789abcdef', '.#snapshot.other0123456789abcdef'],
    ...['.#foreign.tree0123456789abcdef', '.#machine.tree0123456789ABCDEF'],
  ];
  for (const name of [...copies, ...others]) await mkdir(join(directory, name));
  for (const name of copies) await writeFile(join(directory, `.#${name}.lck`), '');
  const found = await leftoverCopiesOf(manifestOf('web', { root, ephemeral: true }), '');
  assert.deepEqual([...found].sort(), copies.map(name => join(directory, name)).sort());
  assert.deepEqual(await leftoverCopiesOf(manifestOf('web', { root }), ''), []);
});

test('so it is inside of a root that is a mount of its own, where what has no lock may be anything', async context => {
  const root = await scratch(context);
  const copies = ['.#machine.0123456789abcdef', '.#snapshot.fedcba9876543210'];
  for (const name of [...copies, 'etc', '.#machine.00112233445566778', '.#machine.0011223344556677'])
    await mkdir(join(root, name));
  for (const name of copies) await writeFile(join(root, `.#${name}.lck`), '');
  const found = await leftoverCopiesOf(manifestOf('web', { root, ephemeral: true }), '');
  assert.deepEqual([...found].sort(), copies.map(name => join(root, name)).sort());
  const link = join(root, 'link');
  await symlink(root, link);
  assert.deepEqual(await leftoverCopiesOf(manifestOf('web', { root: link, ephemeral: true }), ''), []);
});
