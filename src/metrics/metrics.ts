import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Container } from '../api/container.ts';
import type { LoopObserver, OverallStatus, QueueFigures } from '../controller/ports.ts';
import { containerMetrics } from './container-metrics.ts';
import { loopMetrics, queueMetrics } from './loop-metrics.ts';

/** What the daemon knows of itself and its containers, in Prometheus' text format. */
export class Metrics {
  readonly #registry = new Registry();
  readonly loop: LoopObserver = loopMetrics(this.#registry);
  #isWatchingProcess = false;

  constructor(version: string) {
    new Gauge({
      name: 'nspawnd_build_info',
      help: '1, with the version of nspawnd as a label.',
      labelNames: ['version'],
      registers: [this.#registry],
    }).set({ version }, 1);
  }

  /** From now on these are asked, too. */
  follow(asked: {
    list(): readonly Container[];
    source(): OverallStatus;
    queueFigures(): QueueFigures;
  }): void {
    containerMetrics(
      this.#registry,
      () => asked.list(),
      () => asked.source(),
    );
    queueMetrics(this.#registry, () => asked.queueFigures());
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#watchProcess();
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** From the first question on: Node notes each garbage collection for it. */
  #watchProcess(): void {
    if (this.#isWatchingProcess) return;
    this.#isWatchingProcess = true;
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: HARDLY_EVER_MS });
    for (const name of [...MISNAMED, ...TOO_DEAR]) this.#registry.removeSingleMetric(name);
  }
}

/**
 * What Node knows of its loop's delays it knows by waking up a hundred times a second, which takes more of a core than all the
 * rest of a daemon at rest. Less often they would say something else, so they are left out; the delay of the moment stays.
 */
const TOO_DEAR = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  which => `nodejs_eventloop_lag_${which}_seconds`,
);
const HARDLY_EVER_MS = 3_600_000;

/** Gauges that are named as counters, which Prometheus' own linter objects to. They say nothing of ours. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];
