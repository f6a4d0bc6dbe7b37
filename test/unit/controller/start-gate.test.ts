import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { StartGate } from '../../../src/controller/start-gate.ts';
import { nothing, waiting } from '../../../src/planning/plan.ts';
import { nothingYet, webManifest } from '../planning/base-state.ts';

const APP = webManifest({ dependsOn: ['db', 'cache'] });
const OBSERVED = nothingYet(APP);

describe('what others say to a start', () => {
  let woken: string[] = [];
  let gate = new StartGate(2, name => woken.push(name));
  beforeEach(() => {
    woken = [];
    gate = new StartGate(2, name => woken.push(name));
  });
  afterEach(() => gate.stop());

  /** `web` asks; the others are as said, null: Ready. */
  function ask(others: Readonly<Record<string, string | null>>, whileLooking: () => void = () => undefined) {
    return gate.ask(APP, OBSERVED, 'first', async name => {
      whileLooking();
      return others[name] ?? null;
    });
  }

  test('nobody objects where all are Ready; its turn is taken', async () => {
    assert.deepEqual(await ask({}), { notReady: [], ahead: 0 });
    assert.equal(gate.orderOf('web', { state: 'absent' }), Number.MAX_SAFE_INTEGER);
    gate.isReady('db');
    assert.deepEqual(woken, []);
  });

  test('who is not Ready is named, and only they wake it', async () => {
    assert.deepEqual(await ask({ cache: 'it boots' }), {
      notReady: [{ name: 'cache', because: 'it boots' }],
      ahead: 0,
    });
    assert.equal(gate.orderOf('web', { state: 'absent' }), 0, 'it has no slot');
    gate.isReady('db');
    assert.deepEqual(woken, []);
    gate.isReady('cache');
    assert.deepEqual(woken, ['web']);
  });

  test('one that becomes Ready right after it was looked at wakes it all the same', async () => {
    await ask({ db: 'it boots' }, () => gate.isReady('db'));
    assert.ok(woken.includes('web'));
  });

  test('one that no longer waits is no longer woken', async () => {
    const held = waiting(OBSERVED, [], { reason: 'DependencyNotReady', message: '', until: null });
    await ask({ db: 'it boots' });
    gate.note('web', APP, OBSERVED, held);
    gate.isReady('db');
    assert.deepEqual(woken, ['web']);
    gate.note('web', APP, OBSERVED, nothing(OBSERVED));
    gate.isReady('db');
    assert.deepEqual(woken, ['web']);
  });
});

test('with no number of its own, as many boot at once as the README says', async () => {
  const gate = new StartGate(null, () => undefined);
  try {
    const most = Math.max(4, 2 * availableParallelism());
    const ahead: number[] = [];
    for (let number = 0; number < most + 2; number++) {
      const manifest = { ...webManifest(), name: `c${number}` };
      const facts = await gate.ask(manifest, nothingYet(manifest), 'first', async () => null);
      ahead.push(facts.ahead);
    }
    assert.deepEqual(ahead, [...Array.from({ length: most }, () => 0), most, most + 1]);
  } finally {
    gate.stop();
  }
});
