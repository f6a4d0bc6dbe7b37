import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepSystems } from '../../../src/planning/kept-systems.ts';
import { runningAsDesired, webManifest } from './base-state.ts';

test('what a guest booted is kept while it runs, also where its manifest speaks of no system any more', () => {
  const [booted, other] = ['/nix/store/a-web', '/nix/store/b-web'];
  const observed = runningAsDesired(webManifest());
  const { process } = observed;
  assert.ok(process !== null && observed.nix === null);
  const keptBeside = (keptSystems: readonly string[], systemPath = booted) =>
    keepSystems({ ...observed, process: { ...process, systemPath }, keptSystems }).map(
      ({ arguments: given }) => given,
    );
  assert.deepEqual(keptBeside([]), [{ closures: [booted] }]);
  assert.deepEqual(keptBeside([other]), [{ closures: [booted, other] }]);
  assert.deepEqual(keptBeside([booted, other]), []);
  assert.deepEqual(keptBeside([other], ''), [], 'of an ordinary tree');
});
