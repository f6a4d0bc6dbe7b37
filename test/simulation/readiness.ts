import type { Manifest } from '../../src/api/manifest.ts';
import type { ModelHost } from '../model/model-host.ts';
import { specOf } from './specs.ts';

/** By that manifest; null: whether it is gone is not certain yet, and a guest that runs is ready. */
export function isReadyBy(host: ModelHost, name: string, manifest: Manifest | null): boolean {
  if (host.unit(name).activeState !== 'active') return false;
  return manifest === null || (!hasYetToWrite(host, name, manifest) && answersWell(host, name, manifest));
}

/** To its start-up FIFO; what was launched without one has nothing to write to. */
export function hasYetToWrite(host: ModelHost, name: string, { spec }: Manifest): boolean {
  const { run, invocationId } = host.unit(name);
  if (spec.readiness !== 'fifo' || run === undefined || specOf(run.text)?.readiness !== 'fifo') return false;
  return host.fifos.get(name)?.startedInvocationId !== invocationId;
}

function answersWell({ probes }: ModelHost, name: string, { spec }: Manifest): boolean {
  const { startup, readiness } = probes.observe(name);
  const isStarted = spec.startupProbe === undefined || startup.state === 'success';
  return isStarted && (spec.readinessProbe === undefined || readiness.state === 'success');
}
