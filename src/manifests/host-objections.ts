import type { Manifest } from '../api/manifest.ts';
import type { Problem } from '../api/problem.ts';
import type { AcceptedVersion } from './accepted-version.ts';
import type { World } from './contender.ts';
import { type ParsedDocument, problemOf } from './document.ts';
import { objectionToName } from './name-rules.ts';
import { objectionToRoot } from './root-rules.ts';

/** What the host says against a document, whoever else there is. */
export function objectionsOfHost(
  document: ParsedDocument,
  accepted: AcceptedVersion | null,
  world: World,
): readonly Problem[] {
  const { manifest } = document;
  if (manifest === null) return [];
  const problems: Problem[] = [];
  const name = objectionToName(manifest.name, world.hostName);
  if (name !== null) problems.push(problemOf(document, 'metadata.name', name));
  const root = objectionToRoots(manifest, world);
  if (root !== null) problems.push(problemOf(document, 'spec.root', root));
  for (const field of ['localAddress', 'localAddress6'] as const) {
    const address = manifest.spec[field];
    const isHostsOwn = address !== undefined && world.hostAddresses.has(address);
    if (isHostsOwn && manifest.spec.privateNetwork && accepted?.manifest?.spec[field] !== address)
      problems.push(problemOf(document, `spec.${field}`, `${address} is an address of this host itself`));
  }
  return problems;
}

/** Both as written and as it really is. */
export function objectionToRoots(manifest: Manifest, world: World): string | null {
  const { root } = manifest.spec;
  const real = world.realRoot(root);
  const objection = objectionToRoot(root, world.reservedDirectories);
  if (objection !== null || real === root) return objection;
  const behind = objectionToRoot(real, world.reservedDirectories);
  return behind === null ? null : `leads to another place: ${behind}`;
}
