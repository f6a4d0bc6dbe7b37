import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startDeadline } from '../../../src/cli/client/deadline.ts';

/** Whether it aborts within a second, also when everything that nobody holds is collected meanwhile. */
async function aborts(signal: AbortSignal): Promise<boolean> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const ended = new Promise<boolean>(resolve => signal.addEventListener('abort', () => resolve(true)));
  for (let round = 0; round < 3; round += 1) {
    collect();
    await sleep(1);
  }
  return Promise.race([ended, sleep(1_000, false)]);
}

function timers(): number {
  return process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;
}

describe('a deadline', () => {
  it('comes, whatever the garbage collector does', async () => {
    assert.ok(await aborts(startDeadline(100, new AbortController().signal).signal));
  });

  it('comes early when its caller gives up, also before it began', async () => {
    const caller = new AbortController();
    const { signal } = startDeadline(60_000, caller.signal);
    setTimeout(() => caller.abort(), 50);
    assert.ok(await aborts(signal));
    const before = timers();
    assert.ok(startDeadline(60_000, caller.signal).signal.aborted);
    assert.equal(timers(), before, 'and nothing waits for it');
  });

  it('does not come when it is cleared, and leaves nothing with its caller', async () => {
    const caller = new AbortController();
    const { signal, clear } = startDeadline(20, caller.signal);
    clear();
    await sleep(60);
    caller.abort();
    assert.equal(signal.aborted, false);
  });
});
