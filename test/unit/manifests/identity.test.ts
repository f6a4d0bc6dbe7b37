import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type IdentityLook, judgeIdentity, PROOF_MS } from '../../../src/manifests/identity.ts';

/** Good base state: the directory as recorded, read fully, everybody in it. */
function look(change: Partial<IdentityLook> = {}): IdentityLook {
  return {
    recorded: { identity: '1:10', bootId: 'b1' },
    found: '1:10',
    bootId: 'b1',
    isFullyRead: true,
    knownNames: 4,
    knownNamesInIt: 4,
    content: 'a b c d',
    proof: null,
    monotonicMs: 0,
    ...change,
  };
}

suite('the directory', () => {
  test('is what it was; nothing to prove', () => assert.equal(judgeIdentity(look()).isAccepted, true));

  test('is accepted at the first run and after a boot, whatever its inode', () => {
    assert.equal(judgeIdentity(look({ recorded: null, knownNamesInIt: 0 })).isAccepted, true);
    assert.equal(judgeIdentity(look({ found: '1:11', bootId: 'b2', knownNamesInIt: 0 })).isAccepted, true);
  });

  test('with another inode is accepted by a second scan two seconds later', () => {
    const first = judgeIdentity(look({ found: '1:11', knownNamesInIt: 2 }));
    assert.equal(first.isAccepted, false);
    assert.equal(first.againInMs, PROOF_MS);
    const next = (monotonicMs: number, change: Partial<IdentityLook> = {}) =>
      judgeIdentity(look({ found: '1:11', knownNamesInIt: 2, proof: first.proof, monotonicMs, ...change }));
    assert.equal(next(PROOF_MS - 1).isAccepted, false);
    assert.equal(next(PROOF_MS).isAccepted, true);
    assert.equal(next(PROOF_MS, { found: '1:12' }).isAccepted, false);
    assert.equal(next(PROOF_MS, { content: 'a b' }).isAccepted, false);
    assert.equal(next(PROOF_MS, { isFullyRead: false }).isAccepted, false);
  });

  test('with another inode and fewer than half of the names is not accepted', () => {
    const { isAccepted, proof } = judgeIdentity(look({ found: '1:11', knownNamesInIt: 1 }));
    assert.equal(isAccepted, false);
    assert.equal(proof, null);
  });

  test('with nobody known proves itself by being read', () => {
    const first = judgeIdentity(look({ found: '1:11', knownNames: 0, knownNamesInIt: 0 }));
    assert.notEqual(first.proof, null);
  });
});
