import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Probe } from '../../../../src/api/probe-fields.ts';
import { bad } from '../../../../src/host/probes/answer.ts';
import { ProbeLoop } from '../../../../src/host/probes/probe-loop.ts';
import { UNASKED } from '../../../../src/planning/probe-facts.ts';

test('a probe is asked once in its period, and no more when it is ended', async context => {
  const probe = { periodSeconds: 1, timeoutSeconds: 1, successThreshold: 1, failureThreshold: 2 } as Probe;
  const times: number[] = [];
  const states: string[] = [];
  await new Promise<void>(resolve => {
    const loop = new ProbeLoop(
      probe,
      UNASKED,
      async () => {
        times.push(performance.now());
        return bad('no');
      },
      async ({ state }) => {
        states.push(state);
        if (states.length === 3) {
          loop.end();
          resolve();
        }
        return true;
      },
    );
    context.after(() => loop.end());
    loop.begin(0);
  });
  assert.deepEqual(states, ['unknown', 'failure', 'failure']);
  const [first = 0, , third = 0] = times;
  const tookMs = third - first;
  assert.ok(tookMs > 1900 && tookMs < 8000, `${tookMs} ms`);
});
