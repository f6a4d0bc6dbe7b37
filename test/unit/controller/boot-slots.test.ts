import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { BootSlots, type Wish } from '../../../src/controller/boot-slots.ts';

/** Before anybody knows how long boots take here. */
const HOLD_MS = 10_000;

describe('slots for booting', () => {
  let turns: string[] = [];
  let slots = new BootSlots(2, name => turns.push(name));
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    turns = [];
    slots = new BootSlots(2, name => turns.push(name));
  });
  afterEach(() => {
    slots.stop();
    mock.timers.reset();
  });

  function ask(name: string, wish: Partial<Wish> = {}): number {
    return slots.ask(name, { rank: 'usual', priority: 0, holdMs: HOLD_MS, ...wish });
  }

  test('there are as many as said; the next is told how many are before it', () => {
    assert.deepEqual([ask('a'), ask('b'), ask('c'), ask('d')], [0, 0, 2, 3]);
  });
  test('asking again changes nothing', () => {
    assert.deepEqual([ask('a'), ask('b'), ask('c'), ask('d')], [0, 0, 2, 3]);
    assert.deepEqual([ask('a'), ask('d'), ask('c')], [0, 3, 2]);
  });
  test('one that comes back is given to whoever came first, and to nobody else', () => {
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    slots.leave('a');
    assert.deepEqual(turns, ['c']);
    assert.deepEqual([ask('e'), ask('c'), ask('d')], [3, 0, 2]);
  });
  test('the higher priority is first, whenever it came', () => {
    for (const name of ['a', 'b', 'c']) ask(name);
    assert.equal(ask('d', { priority: 5 }), 2);
    assert.equal(ask('e', { priority: -5 }), 4);
    for (const name of ['a', 'b', 'd', 'c']) slots.leave(name);
    assert.deepEqual(turns, ['d', 'c', 'e']);
  });
  test('a change of priority counts from the next question on', () => {
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    ask('d', { priority: 1 });
    slots.leave('b');
    assert.deepEqual(turns, ['d']);
  });
  test('whoever is urgent does not wait for those who are not', () => {
    for (const name of ['a', 'b', 'c']) ask(name);
    assert.deepEqual([ask('u', { rank: 'urgent' }), ask('v', { rank: 'urgent' })], [0, 0]);
    assert.equal(ask('w', { rank: 'urgent', priority: -9 }), 4, 'and has a bound as well');
    slots.leave('a');
    assert.deepEqual(turns, ['w']);
    for (const name of ['b', 'u']) slots.leave(name);
    assert.deepEqual(turns, ['w'], 'two boot still');
    slots.leave('v');
    assert.deepEqual(turns, ['w', 'c']);
  });
  test('one that has failed goes last, so that it delays nobody', () => {
    for (const name of ['a', 'b']) ask(name);
    ask('f', { rank: 'again', priority: 9 });
    ask('c');
    for (const name of ['a', 'b']) slots.leave(name);
    assert.deepEqual(turns, ['c', 'f']);
  });
  test('one that waited and no longer does has no turn', () => {
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    slots.leave('c');
    slots.leave('a');
    assert.deepEqual(turns, ['d']);
  });
  test('a boot that takes too long holds up nobody, and is not given another slot for the same boot', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) ask(name);
    mock.timers.tick(HOLD_MS);
    assert.deepEqual(turns, ['c', 'd']);
    slots.boots('a', HOLD_MS);
    assert.deepEqual([slots.holds('a'), ask('f')], [false, 3], 'c and d boot, and e waits');
    slots.leave('a');
    assert.deepEqual(turns, ['c', 'd']);
    slots.leave('c');
    assert.deepEqual(turns, ['c', 'd', 'e']);
  });
  test('how long too long is follows from how long boots take here', () => {
    mock.method(performance, 'now', () => clock);
    let clock = 0;
    ask('a');
    ask('b');
    ask('c');
    clock = 1_000;
    slots.cameUp('a');
    assert.deepEqual(turns, ['c']);
    ask('d');
    slots.leave('b');
    ask('e');
    mock.timers.tick(3_999);
    assert.deepEqual(turns, ['c', 'd']);
    mock.timers.tick(1);
    assert.deepEqual(turns, ['c', 'd', 'e']);
    mock.restoreAll();
  });
  test('one that hung and is to be launched again asks like any other', () => {
    ask('a');
    mock.timers.tick(HOLD_MS);
    for (const name of ['b', 'c']) ask(name);
    assert.equal(ask('a'), 2);
  });
  test('what others have started takes a slot, also beyond the last', () => {
    for (const name of ['a', 'b', 'c']) ask(name);
    slots.boots('x', HOLD_MS);
    slots.leave('a');
    assert.deepEqual(turns, []);
    slots.leave('x');
    assert.deepEqual(turns, ['c']);
  });
  test('one that was started by hand while it waited waits no more', () => {
    for (const name of ['a', 'b', 'c', 'd']) ask(name);
    slots.boots('c', HOLD_MS);
    for (const name of ['a', 'b', 'c']) slots.leave(name);
    assert.deepEqual(turns, ['d']);
  });
  test('nobody takes a slot before one of a higher priority has had its chance', () => {
    slots.expect([
      { name: 'low', priority: 0 },
      { name: 'high', priority: 2 },
      { name: 'mid', priority: 1 },
      { name: 'idle', priority: 2 },
    ]);
    assert.deepEqual([ask('low'), ask('mid', { priority: 1 })], [1, 1]);
    slots.heard('low');
    slots.heard('idle');
    slots.heard('mid');
    assert.deepEqual([turns, ask('high', { priority: 2 })], [[], 0]);
    slots.heard('high');
    assert.deepEqual(turns, ['mid']);
  });
  test('after the end nobody has a turn, and no timer is left', () => {
    for (const name of ['a', 'b', 'c']) ask(name);
    slots.stop();
    mock.timers.tick(HOLD_MS * 2);
    assert.deepEqual(turns, []);
  });
});
