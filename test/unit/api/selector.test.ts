import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isSelected, labelIn, parseFieldSelector, parseLabelSelector } from '../../../src/api/selector.ts';

const LABELS: Readonly<Record<string, string>> = { tier: 'front', 'example.org/env': 'prod', empty: '' };

function selects(text: string): boolean {
  const selector = parseLabelSelector(text);
  assert.ok(typeof selector !== 'string', String(selector));
  return isSelected(selector, key => labelIn(LABELS, key));
}

describe('selectors', () => {
  for (const [text, expected] of [
    ['', true],
    ['tier=front', true],
    ['tier==front', true],
    ['tier=back', false],
    ['tier!=back', true],
    ['absent!=anything', true],
    ['tier in (front, back)', true],
    ['tier in(back)', false],
    ['tier notin (back)', true],
    ['tier notin (front)', false],
    ['tier', true],
    ['!tier', false],
    ['!absent', true],
    ['absent', false],
    ['constructor', false],
    ['!toString', true],
    ['empty=', true],
    ['tier=front,example.org/env=prod', true],
    ['tier=front , example.org/env in (test)', false],
  ] as const) {
    test(`labels: ${JSON.stringify(text)} is ${expected}`, () => assert.equal(selects(text), expected));
  }

  for (const [text, message] of [
    ['tier=front x', 'column 12: expected ",", found "x"'],
    ['tier in front', 'column 9: expected "(", found "front"'],
    ['tier in (a', 'column 11: expected "," or ")", found the end'],
    ['=a', 'column 1: expected a label, found "=a"'],
    ['tier=\u001b[31m', 'column 6: expected ",", found "\\u001b[31m"'],
  ] as const) {
    test(`labels: ${JSON.stringify(text)} is refused with the place`, () =>
      assert.equal(parseLabelSelector(text), message));
  }

  test('fields: those that are there, and no others', () => {
    const selector = parseFieldSelector('metadata.name=web,status.phase!=Running', [
      'metadata.name',
      'status.phase',
    ]);
    assert.ok(typeof selector !== 'string');
    const facts: Readonly<Record<string, string>> = { 'metadata.name': 'web', 'status.phase': 'Failed' };
    assert.equal(
      isSelected(selector, key => facts[key]),
      true,
    );
    assert.equal(
      isSelected(selector, key => ({ ...facts, 'status.phase': 'Running' })[key]),
      false,
    );
    assert.match(
      String(parseFieldSelector('spec.root=/x', ['metadata.name'])),
      /no field "spec\.root".*metadata\.name/,
    );
    assert.match(String(parseFieldSelector('metadata.name', ['metadata.name'])), /expected FIELD=VALUE/);
  });
});
