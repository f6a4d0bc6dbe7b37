import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseDurationSec } from '../../../src/api/duration.ts';

function check(expected: Readonly<Record<string, number | null>>): void {
  for (const [text, seconds] of Object.entries(expected)) assert.equal(parseDurationSec(text), seconds, text);
}

suite('a time span', () => {
  test('is read as systemd reads it', () =>
    check({
      '90': 90,
      '90s': 90,
      '2min': 120,
      '2 min 30 s': 150,
      '1h30m': 5_400,
      '500ms': 0.5,
      '1.5h': 5_400,
      '1d': 86_400,
    }));
  test('that is none is null', () =>
    check({
      '': null,
      ' ': null,
      soon: null,
      '-5': null,
      '5x': null,
      '5 s!': null,
      s: null,
      '1e3': null,
      '1..5': null,
    }));
  test('of any length takes no time', () => check({ [`${'9'.repeat(100_000)}x`]: null }));
});
