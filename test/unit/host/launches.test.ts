import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Launches } from '../../../src/host/launches.ts';

test('a look sees a launch that is made meanwhile, wherever in the look it begins and ends', async () => {
  const launches = new Launches();
  const early = launches.watch('web');
  assert.equal(early(), false);
  let inTheMiddle = () => false;
  await launches.make('web', async () => {
    inTheMiddle = launches.watch('web');
    assert.ok(inTheMiddle() && early());
    assert.equal(launches.watch('db')(), false, 'that of another is none of its own');
  });
  assert.ok(early(), 'it began and ended within the look');
  assert.ok(inTheMiddle(), 'the look began while it was made');
  assert.equal(launches.watch('web')(), false, 'a look that begins later sees what it led to');
});

test('a launch that fails is over, too', async () => {
  const launches = new Launches();
  await assert.rejects(
    launches.make('web', () => Promise.reject(new Error('masked'))),
    /masked/,
  );
  assert.equal(launches.watch('web')(), false);
});
