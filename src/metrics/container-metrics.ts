import { Gauge, type Registry } from 'prom-client';
import { findCondition } from '../api/condition.ts';
import type { Container } from '../api/container.ts';
import type { OverallStatus } from '../controller/ports.ts';

/** Of each container, what a person would be woken for; read when asked for, so that what is gone is gone here, too. */
export function containerMetrics(
  registry: Registry,
  list: () => readonly Container[],
  source: () => OverallStatus,
): void {
  const perContainer = (
    name: string,
    help: string,
    labelNames: readonly string[],
    tell: (
      container: Container,
      set: (value: number, labels?: Readonly<Record<string, string>>) => void,
    ) => void,
  ) =>
    new Gauge({
      name,
      help,
      labelNames: ['name', ...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const container of list()) {
          const { name } = container.metadata;
          tell(container, (value, labels = {}) => this.set({ name, ...labels }, value));
        }
      },
    });

  perContainer('nspawnd_container_ready', '1 while a container is Ready, else 0.', [], ({ status }, set) =>
    set(findCondition(status.conditions, 'Ready')?.status === 'True' ? 1 : 0),
  );
  perContainer(
    'nspawnd_container_phase',
    '1 for the phase a container is in.',
    ['phase'],
    ({ status }, set) => set(1, { phase: status.phase }),
  );
  perContainer(
    'nspawnd_container_condition',
    '1 for the status of each condition of a container.',
    ['type', 'status', 'reason'],
    ({ status }, set) => {
      for (const { type, status: value, reason } of status.conditions)
        set(1, { type, status: value, reason });
    },
  );
  perContainer(
    'nspawnd_container_restarts',
    'How often a container was started again after an end, since boot.',
    [],
    ({ status }, set) => set(status.restarts),
  );
  perContainer(
    'nspawnd_container_start_time_seconds',
    'When the running guest became active, since the epoch.',
    [],
    ({ status }, set) => {
      if (status.startedAt !== undefined) set(Date.parse(status.startedAt) / 1000);
    },
  );

  const ofSource = (name: string, help: string, read: (status: OverallStatus) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(source()));
      },
    });
  ofSource('nspawnd_manifest_files', 'Manifest files that were read.', status => status.files);
  ofSource('nspawnd_manifest_problems', 'Problems found in manifests.', status => status.problems.length);
  ofSource('nspawnd_manifests_healthy', '1 while the manifests directory can be trusted, else 0.', status =>
    status.isHealthy ? 1 : 0,
  );
  ofSource(
    'nspawnd_names_healthy',
    '1 while the hosts files have the names of containers, else 0.',
    status => (status.namesFault === '' ? 1 : 0),
  );
  ofSource(
    'nspawnd_held_deletions',
    'Containers whose deletion waits for nspawnctl prune.',
    status => status.held?.names.length ?? 0,
  );
}
