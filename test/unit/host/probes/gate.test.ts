import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../../../../src/host/probes/gate.ts';

test('lets so many through at once, the others in their turn, and gives a place back after an error', async () => {
  const gate = new Gate(2, 60_000);
  let inside = 0;
  let most = 0;
  const work = async (index: number) => {
    most = Math.max(most, ++inside);
    await new Promise(resolve => setImmediate(resolve));
    inside--;
    if (index === 1) throw new Error('one of them');
    return index;
  };
  const ends = await Promise.allSettled([0, 1, 2, 3, 4].map(index => gate.through(() => work(index))));
  assert.deepEqual(
    ends.map(end => (end.status === 'fulfilled' ? end.value : 'failed')),
    [0, 'failed', 2, 3, 4],
  );
  assert.equal(most, 2);
});

test('waits for nobody who hangs', async () => {
  const gate = new Gate(1, 5);
  let end: () => void = () => undefined;
  const hanging = gate.through(() => new Promise<void>(resolve => (end = resolve)));
  assert.equal(await gate.through(async () => 'through'), 'through');
  end();
  await hanging;
  assert.equal(await gate.through(async () => 'again'), 'again');
});
