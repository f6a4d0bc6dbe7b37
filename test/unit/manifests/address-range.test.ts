import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocatePair } from '../../../src/manifests/address-range.ts';

const RANGE = '10.233.0.0/16';

function check(range: string, taken: readonly string[], expected: string | null): void {
  const pair = allocatePair(range, taken);
  assert.equal(pair === null ? null : `${pair.hostAddress} ${pair.localAddress}`, expected);
}

/** As many as there are, each taken before the next. */
function all(range: string, limit: number): string[] {
  const taken: string[] = [];
  const found: string[] = [];
  for (let pair = allocatePair(range, taken); pair !== null; pair = allocatePair(range, taken)) {
    found.push(pair.localAddress);
    taken.push(pair.hostAddress, pair.localAddress);
    if (found.length === limit) break;
  }
  return found;
}

test('with nothing taken it is the first pair of nixos-container', () => {
  check(RANGE, [], '10.233.1.1 10.233.1.2');
});
test('either end of a pair being taken takes the pair', () => {
  check(RANGE, ['10.233.1.1'], '10.233.2.1 10.233.2.2');
  check(RANGE, ['10.233.1.2', '10.233.2.2/32'], '10.233.3.1 10.233.3.2');
});
test('another address of the same /24 takes nothing', () =>
  check(RANGE, ['10.233.1.9'], '10.233.1.1 10.233.1.2'));
test('a network that the host has or routes is left alone, as a whole', () => {
  check(RANGE, ['10.233.0.0/17'], '10.233.128.1 10.233.128.2');
  check(RANGE, ['10.233.1.0/30'], '10.233.2.1 10.233.2.2');
  check(RANGE, ['10.0.0.0/8'], null);
});
test('what is no address takes nothing', () => {
  check(RANGE, ['default', '', 'fe80::1', '10.233.1', '300.1.1.1', '10.1.1.1/40'], '10.233.1.1 10.233.1.2');
});
test('every /24 comes once before any comes twice, and none is given twice', () => {
  const found = all(RANGE, 300);
  assert.equal(new Set(found).size, 300);
  assert.deepEqual([found[254], found[255], found[256]], ['10.233.255.2', '10.233.0.2', '10.233.1.6']);
});
test('a small range ends', () => {
  assert.deepEqual(all('192.0.2.8/29', 9), ['192.0.2.10', '192.0.2.14']);
  assert.deepEqual(all('192.0.2.0/30', 9), ['192.0.2.2']);
});
