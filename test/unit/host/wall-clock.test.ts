import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inOneClock, WallClock } from '../../../src/host/wall-clock.ts';

/** The clock set by so much, for this test. */
function setClock(context: TestContext, byMs: number): void {
  const now = Date.now.bind(Date);
  context.mock.method(Date, 'now', () => now() + byMs);
}

const monotonicMicros = () => process.hrtime.bigint() / 1000n;

test('what has never happened has no time', () => {
  assert.equal(new WallClock().at(0n), null);
});

test('what happens now happens now, and the same time gets the same answer', () => {
  const clock = new WallClock();
  const micros = monotonicMicros();
  const at = clock.at(micros);
  assert.ok(Math.abs((at ?? 0) - Date.now()) < 1000);
  for (let index = 0; index < 1000; index++) assert.equal(clock.at(micros), at);
});

for (const [how, byMs] of [
  ['forward', 86_400_000],
  ['back', -86_400_000],
] as const)
  test(`a clock that is set ${how} by a day makes nothing older or younger`, context => {
    const clock = new WallClock();
    const micros = monotonicMicros();
    const ageMs = Date.now() - (clock.at(micros) ?? 0);
    setClock(context, byMs);
    assert.ok(Math.abs(Date.now() - (clock.at(micros) ?? 0) - ageMs) < 1000);
  });

test('a look in whose middle the clock is set is done once more', async context => {
  let looks = 0;
  const seen = await inOneClock(async () => {
    looks++;
    const before = Date.now();
    if (looks === 1) setClock(context, 86_400_000);
    return Date.now() - before;
  });
  assert.equal(looks, 2);
  assert.ok(seen < 1000, `${seen} ms`);
});

test('a clock that is set all the time keeps nobody from looking', async context => {
  let looks = 0;
  await inOneClock(async () => setClock(context, 86_400_000 * ++looks));
  assert.equal(looks, 5);
});
