import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../../src/api/manifest.ts';
import { canonicalJson, specHash } from '../../../src/api/spec-hash.ts';

suite('the hash of a spec', () => {
  test('does not depend on the order of keys', () =>
    assert.equal(specHash({ a: 1, b: { c: 2, d: [1, 2] } }), specHash({ b: { d: [1, 2], c: 2 }, a: 1 })));
  test('depends on everything else', () => {
    const hashes = [
      {},
      { a: 1 },
      { a: '1' },
      { a: null },
      { a: [1] },
      { a: { '0': 1 } },
      { b: 1 },
      { a: 1, b: 1 },
    ].map(specHash);
    assert.equal(new Set(hashes).size, hashes.length);
  });
  test('is over JSON that means the same', () =>
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        assert.deepEqual(JSON.parse(canonicalJson(value as Json)), JSON.parse(JSON.stringify(value)));
      }),
    ));
  test('says which way of hashing made it', () =>
    assert.match(specHash({} as JsonObject), /^v1-[0-9a-f]{16}$/));
});
