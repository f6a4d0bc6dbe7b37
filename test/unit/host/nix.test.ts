import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { refuseLink } from '../../../src/host/nix.ts';
import { scratch } from './scratch.ts';

test('a part of the profiles that a guest could write to is no link to elsewhere', async context => {
  const directory = await scratch(context);
  await mkdir(join(directory, 'good/per-user'), { recursive: true });
  await refuseLink(join(directory, 'good/per-user'));
  await mkdir(join(directory, 'bad'));
  await symlink('/', join(directory, 'bad/per-user'));
  await assert.rejects(refuseLink(join(directory, 'bad/per-user')), { code: 'UnsafePath' });
});
