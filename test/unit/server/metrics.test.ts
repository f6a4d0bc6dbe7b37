import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type perf from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { CONDITION_TYPES } from '../../../src/api/condition.ts';
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

  it('tell whether the hosts files have the names of containers', async t => {
    const { control, readSocket } = await serve(t);
    const told = async () => lines((await ask(readSocket, 'GET', '/metrics')).text, 'nspawnd_names_healthy');
    assert.deepEqual(await told(), ['nspawnd_names_healthy 1']);
    control.sourceStatus = { ...control.sourceStatus, namesFault: 'EROFS' };
    assert.deepEqual(await told(), ['nspawnd_names_healthy 0']);
  });

  it('have every name and label that an alert asks for', async t => {
    const { control, readSocket } = await serve(t);
    control.putRunning('web', {});
    const { text } = await ask(readSocket, 'GET', '/metrics');
    const rules = readFileSync(new URL('../../../deploy/alerts.yaml', import.meta.url), 'utf8');
    const asked = [...rules.matchAll(/\b(nspawnd_[a-z_]+)(?:\{([^}]*)\})?/g)];
    assert.ok(asked.length > 10);
    for (const [, name = '', selectors = ''] of asked) {
      const found = lines(text, name);
      assert.ok(found.length > 0, `no ${name}`);
      for (const [, label = ''] of selectors.matchAll(/([a-z_]+)=/g))
        assert.ok(found[0]?.includes(`${label}="`), `${found[0]} has no ${label}`);
    }
  });

  it('of conditions have the types that an alert asks for', () => {
    const rules = readFileSync(new URL('../../../deploy/alerts.yaml', import.meta.url), 'utf8');
    const types = [...rules.matchAll(/type="(\w+)"/g)].map(([, type = '']) => type);
    assert.deepEqual(
      types.filter(type => !CONDITION_TYPES.some(known => known === type)),
      [],
    );
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
        namesFault: '',
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
    // An alert asks for it.
    assert.ok(lines(busy, 'workqueue_queue_duration_seconds_bucket{').length > 0);
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
