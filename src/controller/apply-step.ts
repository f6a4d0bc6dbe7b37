import type { Step } from '../planning/step.ts';
import type { HostPort, ManifestPort } from './ports.ts';

/** Brings a step to whom it is for: most are the host's. */
export function applyStep(
  { manifests, host }: { readonly manifests: ManifestPort; readonly host: HostPort },
  name: string,
  step: Step,
  signal: AbortSignal,
): Promise<void> {
  switch (step.name) {
    case 'proveSpec':
      return manifests.proveSpec(name, step.arguments.specHash);
    case 'rejectSpec': {
      const { specHash, cause, lines } = step.arguments;
      return manifests.rejectSpec(name, specHash, [cause, ...lines].join('\n'));
    }
    default:
      return host.apply(name, step, signal);
  }
}

/** It is the manifests' alone, and leaves the host as it was seen. */
export function isForManifests({ name }: Step): boolean {
  return name === 'proveSpec' || name === 'rejectSpec';
}
