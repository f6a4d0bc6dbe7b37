import { specChanges } from '../planning/change.ts';
import type { Desired } from '../planning/desired.ts';
import { planText } from '../planning/plan-text.ts';
import { plan } from '../planning/planner.ts';
import type { FileText, HostPort, ManifestPort, Preview } from './ports.ts';
import { refusedText } from './rollouts.ts';

interface Ports {
  readonly manifests: ManifestPort;
  readonly host: HostPort;
}

/** What would happen with these files; with none, what would happen now. Nothing does. */
export async function preview(ports: Ports, files: readonly FileText[]): Promise<readonly Preview[]> {
  if (files.length === 0) return previewInForce(ports);
  const { manifests } = ports;
  return Promise.all(
    manifests.judge(files).map(async ({ name, manifest, problems }): Promise<Preview> => {
      if (name === null) return { name, problems, changes: [], plan: '' };
      const inForce = manifests.desired(name);
      if (manifest === null)
        return { name, problems, changes: [], plan: refusedText(name, problems, inForce) };
      const desired: Desired = { state: 'present', manifest, generation: 0, createdAt: '', problems: [] };
      const before = inForce.state === 'present' ? inForce.manifest.written : null;
      return {
        name,
        problems,
        changes: specChanges(before, manifest.written),
        plan: await textOfPlan(ports, name, desired),
      };
    }),
  );
}

function previewInForce(ports: Ports): Promise<readonly Preview[]> {
  const { manifests } = ports;
  return Promise.all(
    [...manifests.names()].sort().map(async (name): Promise<Preview> => {
      const desired = manifests.desired(name);
      const problems = desired.state === 'absent' ? [] : desired.problems;
      return { name, problems, changes: [], plan: await textOfPlan(ports, name, desired) };
    }),
  );
}

async function textOfPlan({ host }: Ports, name: string, desired: Desired): Promise<string> {
  const observed = await host.observe(name, desired.state === 'present' ? desired.manifest : null);
  const { steps, waitingFor, stalled, key } = plan(desired, observed, host.unitPaths(name));
  // What is merely waited for is no difference, unless steps lead to it.
  return planText({ key, steps, stalled, waitingFor: steps.length > 0 ? waitingFor : null });
}
