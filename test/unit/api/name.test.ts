import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isName } from '../../../src/api/name.ts';

suite('a name', () => {
  test('is a DNS label', () => {
    for (const name of ['a', 'web', 'web-1', '1a', 'a--b', 'a'.repeat(63)])
      assert.equal(isName(name), true, name);
  });
  test('is never a path, an option, an instance separator or a surprise', () => {
    for (const name of [
      '',
      '-a',
      'a-',
      'A',
      'a_b',
      'a.b',
      '.',
      '..',
      'a/b',
      'a@b',
      'a b',
      'a\n',
      '\na',
      'ä',
      'a'.repeat(64),
    ])
      assert.equal(isName(name), false, JSON.stringify(name));
  });
});
