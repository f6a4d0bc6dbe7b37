import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type perf from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { WorkQueue } from '../../../src/controller/work-queue.ts';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { ask } from './ask.ts';
import { serve } from './serving.ts';

/** The object that the library asks. */
const perfHooks = createRequire(import.meta.url)('node:perf_hooks') as typeof perf;

const lines = (text: string, prefix: string) =>
  text.split('\n').filter(line => line.startsWith(prefix) && !line.startsWith('#'));

describe('metrics', () => {
  it('tell of each container that is, and of none that has gone', async t => {
    const { control, readSocket } = await serve(t);
    control.putRunning('web', { restarts: 3 });
    control.put('hos"tile\n', { phase: 'Failed', ready: 'False', reason: 'x' });
    const first = (await ask(readSocket, 'GET', '/metrics')).text;
    assert.deepEqual(lines(first, 'nspawnd_container_ready'), [
      'nspawnd_container_ready{name="web"} 1',
      String.raw`nspawnd_container_ready{name="hos\"tile\n"} 0`,
    ]);
    assert.deepEqual(lines(first, 'nspawnd_container_restarts{name="web"'), [
      'nspawnd_container_restarts{name="web"} 3',
    ]);
    control.remove('web');
    const second = (await ask(readSocket, 'GET', '/metrics')).text;
    assert.deepEqual(lines(second, 'nspawnd_container_ready{name="web"'), []);
    assert.deepEqual(lines(second, 'nspawnd_build_info'), ['nspawnd_build_info{version="1.2.3"} 1']);
  });

  it('count what the queue does', async () => {
    const metrics = new Metrics('0');
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    const queue = new WorkQueue(1, () => held, metrics.loop);
    metrics.follow({
      list: () => [],
      source: () => ({
        directory: '',
        isHealthy: true,
        message: '',
        problems: [],
        held: null,
        files: 0,
        lastScan: '',
      }),
      queueFigures: () => queue.figures(),
    });
    for (const key of ['a', 'b', 'b', 'c']) queue.add(key);
    await new Promise(resolve => setImmediate(resolve));
    const busy = (await metrics.text()).text;
    assert.deepEqual(lines(busy, 'workqueue_depth'), ['workqueue_depth{name="container"} 2']);
    assert.deepEqual(lines(busy, 'workqueue_adds_total'), ['workqueue_adds_total{name="container"} 3']);
    assert.deepEqual(lines(busy, 'controller_runtime_active_workers'), [
      'controller_runtime_active_workers{controller="container"} 1',
    ]);
    release();
    await queue.stop();
  });

  it('of the process are told, and do not wake it from then on', async t => {
    const asked = t.mock.method(perfHooks, 'monitorEventLoopDelay');
    const { text } = await new Metrics('0').text();
    assert.match(text, /^nodejs_eventloop_lag_seconds \d/m);
    assert.match(text, /^process_resident_memory_bytes \d+$/m);
    const everyMs = asked.mock.calls.map(({ arguments: [options] }) => options?.resolution ?? 10);
    assert.deepEqual(
      everyMs.filter(ms => ms < 60_000),
      [],
    );
    // They would be of so rare a look that they say nothing.
    assert.deepEqual(lines(text, 'nodejs_eventloop_lag_p99'), []);
  });
});
