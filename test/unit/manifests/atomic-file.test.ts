import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeAtomically } from '../../../src/manifests/atomic-file.ts';

test('a text that cannot be written, as on a disk that is full, leaves the old one and nothing beside it', async context => {
  const directory = await mkdtemp(join(tmpdir(), 'nspawnd-atomic-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'web.json');
  await writeAtomically(path, 'one');
  await assert.rejects(writeAtomically(path, {} as string));
  assert.deepEqual(await readdir(directory), ['web.json']);
  assert.equal(await readFile(path, 'utf8'), 'one');
});
