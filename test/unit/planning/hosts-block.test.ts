import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/api/manifest.ts';
import { hostsBlock, hostsEntries } from '../../../src/planning/render/hosts-block.ts';
import { manifestOf } from './base-state.ts';

function check(name: string, spec: JsonObject, expected: string): void {
  assert.equal(hostsBlock(hostsEntries(manifestOf(name, { root: '/srv/root', ...spec }))), expected);
}

test('a container without an address has no line', () => check('web', {}, ''));
test('its address gets the name with .containers', () => {
  check('web', { localAddress: '10.0.0.2' }, '10.0.0.2 web.containers\n');
});
test('each family has a line', () => {
  check(
    'web',
    { privateNetwork: true, localAddress: '10.0.0.2', localAddress6: 'FD00::2' },
    '10.0.0.2 web.containers\nfd00::2 web.containers\n',
  );
});
test('the bare name is there when it is asked for', () => {
  check('web', { localAddress: '10.0.0.2', hostsAlias: true }, '10.0.0.2 web.containers web\n');
});
test("the host's side is not a name of the container", () => {
  check('web', { privateNetwork: true, hostAddress: '10.0.0.1' }, '');
});
test('no entries are no text', () => assert.equal(hostsBlock([]), ''));
