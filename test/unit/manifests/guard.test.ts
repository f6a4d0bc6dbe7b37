import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  type GuardLook,
  guardDeletions,
  hashNames,
  NO_GUARD_MEMORY,
  QUIET_MS,
} from '../../../src/manifests/guard.ts';

const names = (count: number) => Array.from({ length: count }, (_, index) => `c${index}`);

/** Good base state: a well directory that has been quiet since these vanished. */
function look(known: number, vanished: readonly string[], change: Partial<GuardLook> = {}): GuardLook {
  const gone = new Set(vanished);
  return {
    known: new Set([...names(known), ...vanished]),
    vanished: gone,
    directoryFault: null,
    isReplaced: false,
    isEmpty: false,
    isHostListed: true,
    namelessFiles: [],
    pendingFiles: [],
    suspects: new Map(),
    memory: { ...NO_GUARD_MEMORY, vanished: gone, changedAtMs: 0 },
    monotonicMs: QUIET_MS,
    ...change,
  };
}

/** The fate of each as text. */
function check(input: GuardLook, expected: Readonly<Record<string, string>>): void {
  const { fate } = guardDeletions(input);
  const shown = [...fate].map(([name, its]) => [name, its.is === 'held' ? its.hold.reason : its.is] as const);
  assert.deepEqual(Object.fromEntries(shown), expected);
}

const all = (list: readonly string[], fate: string) => Object.fromEntries(list.map(name => [name, fate]));

suite('a vanished manifest', () => {
  test('nothing has vanished; nothing to decide', () => check(look(5, []), {}));

  test('is an ordinary deletion on a small host: one of one, three of three', () => {
    check(look(0, ['c0'], { isEmpty: true }), { c0: 'deleted' });
    check(look(0, names(3), { isEmpty: true }), all(names(3), 'deleted'));
  });

  test('is an ordinary deletion up to half of a larger host', () => {
    check(look(10, names(5)), all(names(5), 'deleted'));
    check(look(5, names(3)), all(names(3), 'deleted'));
  });

  test('waits until the directory is quiet, so that rm of many is judged as one', () => {
    const input = look(10, ['c0'], { memory: NO_GUARD_MEMORY, monotonicMs: 1_000 });
    const { fate, memory, againInMs } = guardDeletions(input);
    assert.deepEqual([...fate], [['c0', { is: 'undecided' }]]);
    assert.equal(againInMs, QUIET_MS);
    check(look(10, ['c0'], { memory, monotonicMs: 1_000 + QUIET_MS - 1 }), { c0: 'undecided' });
    check(look(10, ['c0'], { memory, monotonicMs: 1_000 + QUIET_MS }), { c0: 'deleted' });
    check(look(10, ['c0', 'c1'], { memory, monotonicMs: 1_000 + QUIET_MS }), all(['c0', 'c1'], 'undecided'));
  });

  test('waits for the first list of the host', () =>
    check(look(5, ['c0'], { isHostListed: false }), { c0: 'undecided' }));

  test('waits for files that are still being written', () => {
    const input = look(5, ['c0'], { pendingFiles: ['/m/x.yaml'] });
    check(input, { c0: 'undecided' });
    assert.equal(guardDeletions(input).message, '/m/x.yaml is still being written');
  });

  test('is held while any file yields no names', () =>
    check(look(5, ['c0'], { namelessFiles: ['/m/x.yaml'] }), { c0: 'FilesUnreadable' }));

  test('is held alone when its own file is broken and names somebody unknown', () =>
    check(look(5, ['c0', 'c1'], { suspects: new Map([['c0', '/m/c0.yaml']]) }), {
      c0: 'FilesUnreadable',
      c1: 'deleted',
    }));

  test('is held for every fault of the directory, even one of one', () => {
    for (const reason of ['DirectoryMissing', 'DirectoryUnreadable', 'DirectoryUntrusted'] as const) {
      const input = look(0, ['c0'], { directoryFault: { reason, message: 'm' } });
      check(input, { c0: reason });
      assert.equal(guardDeletions(input).held, null);
    }
  });

  test('is held in a replaced directory, even one of one, until a person confirms', () => {
    const input = look(0, ['c0'], { isReplaced: true, isEmpty: true });
    check(input, { c0: 'DirectoryReplaced' });
    assert.deepEqual(guardDeletions(input).held, { hash: hashNames(['c0']), names: ['c0'] });
  });

  test('is held with all others when the directory is suddenly empty', () =>
    check(look(0, names(4), { isEmpty: true }), all(names(4), 'DirectoryEmpty')));

  test('is held with the others when more than half of the known vanish', () => {
    const input = look(10, names(6));
    check(input, all(names(6), 'TooManyDeletions'));
    const { held, fate } = guardDeletions(input);
    assert.deepEqual(held, { hash: hashNames(names(6)), names: names(6) });
    const one = fate.get('c0');
    assert.ok(one?.is === 'held' && one.hold.confirmHash === held?.hash);
    assert.match(one.hold.message, /nspawnctl prune --confirm [0-9a-f]{12}$/);
  });

  test('stays held when the others of its sweep come back one by one', () => {
    const { memory } = guardDeletions(look(10, names(6)));
    const fewer = look(10, names(4), { memory, monotonicMs: 60_000 });
    const second = guardDeletions(fewer);
    const third = guardDeletions({ ...fewer, memory: second.memory, monotonicMs: 120_000 });
    assert.deepEqual(
      [...third.fate.values()].map(fate => fate.is),
      Array(4).fill('held'),
    );
    assert.deepEqual(third.held?.names, names(4));
  });

  test('is free of its sweep once it has been back', () => {
    const { memory } = guardDeletions(look(10, names(6)));
    const back = guardDeletions(look(10, [], { memory, monotonicMs: 60_000 }));
    const gone = guardDeletions(look(10, ['c0'], { memory: back.memory, monotonicMs: 61_000 }));
    check(look(10, ['c0'], { memory: gone.memory, monotonicMs: 62_000 }), { c0: 'deleted' });
  });

  test('the hash names exactly one list, in any order', () => {
    assert.equal(hashNames(['b', 'a']), hashNames(['a', 'b']));
    assert.notEqual(hashNames(['a', 'b']), hashNames(['a', 'c']));
    assert.notEqual(hashNames(['a', 'b']), hashNames(['ab']));
  });
});
