import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planHost } from '../../../src/planning/host-planner.ts';
import type { HostObserved } from '../../../src/planning/host-state.ts';
import { planText } from '../../../src/planning/plan-text.ts';

const DESIRED = { hosts: [{ address: '10.0.0.2', names: ['web.containers'] }] };
const BLOCK = '10.0.0.2 web.containers\n';
const AS_DESIRED: HostObserved = { isStopping: false, hostsBlock: BLOCK, guestBlocks: { db: BLOCK } };

function check(expected: string, change: Partial<HostObserved> = {}, desired = DESIRED): void {
  assert.equal(planText(planHost(desired, { ...AS_DESIRED, ...change })), expected);
}

const HOSTS = 'updateHostsFile 1 lines (the names of the containers changed)\n';
const NEW_GUESTS = 'updateGuestHosts 1 lines (some may be new)\n';

test('everything is as desired; nothing to do', () => check(''));
test('a missing block is written, and in guests that are not seen yet', () => {
  check(`1. ${HOSTS}2. ${NEW_GUESTS}`, { hostsBlock: null });
});
test('a changed block is written', () => {
  check(`1. ${HOSTS}2. ${NEW_GUESTS}`, { hostsBlock: '10.0.0.3 web.containers\n' });
});
test('no names and no block; nothing to do', () => {
  check('', { hostsBlock: null, guestBlocks: {} }, { hosts: [] });
});
test('no names empty the block', () => {
  check(
    '1. updateHostsFile 0 lines (the names of the containers changed)\n2. updateGuestHosts 0 lines (some may be new)\n',
    { guestBlocks: {} },
    { hosts: [] },
  );
});
test('guests with an older block get the new one', () => {
  check('1. updateGuestHosts 1 lines (outdated: a, b)\n', { guestBlocks: { a: '', b: 'x\n', db: BLOCK } });
});
test("the host's own file comes first", () => {
  check(`1. ${HOSTS}2. updateGuestHosts 1 lines (outdated: db)\n`, {
    hostsBlock: '',
    guestBlocks: { db: '' },
  });
});
test('a host that shuts down is left alone', () => check('', { hostsBlock: null, isStopping: true }));
