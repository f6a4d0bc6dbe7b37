import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { LoopObserver, QueueFigures } from '../controller/ports.ts';

/** As client-go's and controller-runtime's, so that what exists for those (dashboards, alerts) shows us, too. */
const NAME = { name: 'container' };
const CONTROLLER = { controller: 'container' };
/** Seconds; controller-runtime's. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts what the loop says of itself. */
export function loopMetrics(registry: Registry): LoopObserver {
  const registers = [registry];
  const queueLabels = ['name'] as const;
  const adds = new Counter({
    name: 'workqueue_adds_total',
    help: 'Keys added to the work queue.',
    labelNames: queueLabels,
    registers,
  });
  const retries = new Counter({
    name: 'workqueue_retries_total',
    help: 'Keys that came back to the work queue because something failed.',
    labelNames: queueLabels,
    registers,
  });
  const waited = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'Time a key waits in the work queue.',
    labelNames: queueLabels,
    buckets: BUCKETS,
    registers,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'Time a key is worked on.',
    labelNames: queueLabels,
    buckets: BUCKETS,
    registers,
  });
  const reconciles = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by their result.',
    labelNames: ['controller', 'result'] as const,
    registers,
  });
  const errors = new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciles that failed.',
    labelNames: ['controller'] as const,
    registers,
  });
  const reconcileTime = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time a reconcile takes.',
    labelNames: ['controller'] as const,
    buckets: BUCKETS,
    registers,
  });
  adds.inc(NAME, 0);
  retries.inc(NAME, 0);
  errors.inc(CONTROLLER, 0);
  return {
    onAdded: () => adds.inc(NAME),
    onTaken: seconds => waited.observe(NAME, seconds),
    onDone: seconds => worked.observe(NAME, seconds),
    onReconciled: (result, seconds) => {
      reconciles.inc({ ...CONTROLLER, result });
      reconcileTime.observe(CONTROLLER, seconds);
      if (result !== 'error') return;
      errors.inc(CONTROLLER);
      retries.inc(NAME);
    },
  };
}

/** What is so at the moment of asking. */
export function queueMetrics(registry: Registry, figures: () => QueueFigures): void {
  const gauge = (
    name: string,
    help: string,
    label: Readonly<Record<string, string>>,
    of: (now: QueueFigures) => number,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: Object.keys(label),
      registers: [registry],
      collect() {
        this.set(label, of(figures()));
      },
    });
  gauge('workqueue_depth', 'Keys that wait in the work queue.', NAME, now => now.waiting);
  gauge(
    'workqueue_unfinished_work_seconds',
    'How long what is being worked on has been worked on, in sum.',
    NAME,
    now => now.runningSeconds.reduce((sum, seconds) => sum + seconds, 0),
  );
  gauge(
    'workqueue_longest_running_processor_seconds',
    'How long the oldest work has been going on.',
    NAME,
    now => Math.max(0, ...now.runningSeconds),
  );
  gauge(
    'controller_runtime_active_workers',
    'Reconciles going on.',
    CONTROLLER,
    now => now.runningSeconds.length,
  );
  gauge(
    'controller_runtime_max_concurrent_reconciles',
    'How many may go on at once.',
    CONTROLLER,
    now => now.workers,
  );
}
