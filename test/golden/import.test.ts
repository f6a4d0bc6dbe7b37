import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nspawnctl } from '../unit/cli/nspawnctl.ts';
import { checkGolden } from './golden.ts';

/**
 * What a host with one of everything becomes: files as NixOS writes them (of both places), as nixos-container writes them,
 * .nspawn files as people write them, and Podman's own files, which are none.
 */
const FIXTURES = fileURLToPath(new URL('../fixtures/import', import.meta.url));

test('everything a host has becomes manifests, and what does not is named', async () => {
  const { code, out, err } = await nspawnctl([
    ...['import', '--dry-run', '--host-root', `${FIXTURES}/host`, '--manifests', '/nowhere'],
  ]);
  assert.equal(code, 0, err);
  checkGolden('import/host.txt', `${out}\n${err.replaceAll(FIXTURES, '')}`);
});

test('the containers of a NixOS configuration become manifests, and what does not is named', async () => {
  const { code, out, err } = await nspawnctl([
    ...['import', '--dry-run', '--manifests', '/nowhere', `${FIXTURES}/containers.json`],
  ]);
  assert.equal(code, 0, err);
  checkGolden('import/nixos-json.txt', out.replaceAll(FIXTURES, ''));
});
