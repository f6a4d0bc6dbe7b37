import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeLeftoversOfNspawn } from '../../../src/host/nspawn-leftovers.ts';
import { scratch } from './scratch.ts';

test('the empty directories of a killed nspawn go, those of others and what is not empty stay; also the second time', async context => {
  const directory = await scratch(context);
  for (const place of ['propagate/web', 'propagate/webs', 'unix-export/web', 'db/unix-export', 'locks'])
    await mkdir(join(directory, place), { recursive: true });
  await writeFile(join(directory, 'db/unix-export/used'), '');
  for (const name of ['web', 'db', 'web']) await removeLeftoversOfNspawn(name, directory);
  assert.deepEqual((await readdir(directory, { recursive: true })).sort(), [
    ...['db', 'db/unix-export', 'db/unix-export/used', 'locks'],
    ...['propagate', 'propagate/webs', 'unix-export'],
  ]);
});
