import type { Problem } from '../api/problem.ts';
import type { Revision } from '../api/revision.ts';
import type { Desired } from '../planning/desired.ts';
import type { ManifestChange, ManifestPort, RolloutAnswer, Writing } from './ports.ts';

/** `rollout retry`: null where there is no such container. */
export async function retrySpec(
  manifests: ManifestPort,
  name: string,
  isKnown: boolean,
): Promise<RolloutAnswer | null> {
  if (!isKnown) return null;
  const retrial = await manifests.retrySpec(name);
  return retrial.is === 'tried' ? { is: 'done', specHash: retrial.specHash, file: null } : retrial;
}

/** `rollout undo`: files are the truth, so the file is written. `toRevision` null: the last one that was Ready. */
export async function undoSpec(
  manifests: ManifestPort,
  name: string,
  toRevision: number | null,
  write: (change: ManifestChange) => Promise<Writing>,
): Promise<RolloutAnswer | null> {
  const revisions = manifests.revisions(name);
  if (revisions === null) return null;
  const revision = toRevision === null ? lastReady(revisions) : findRevision(revisions, toRevision);
  if (revision === null) {
    const message =
      toRevision === null
        ? `${name} has no other spec that was Ready`
        : `${name} has no revision ${toRevision}; see: nspawnctl rollout history ${name}`;
    return { is: 'refused', message };
  }
  const { specHash, spec } = revision;
  if (revision.isInManifest) {
    const hint = revision.isInForce ? '' : `; to try it again: nspawnctl rollout retry ${name}`;
    return {
      is: 'refused',
      message: `revision ${revision.revision} is what the manifest says already${hint}`,
    };
  }
  const writing = await write(before => {
    if (before === null) return { is: 'unknown', message: `there is no container ${name}` };
    return { ...before, spec };
  });
  switch (writing.is) {
    case 'written':
      return { is: 'done', specHash, file: writing.file };
    case 'objected':
      return { is: 'refused', message: writing.objection.message };
    default:
      return writing.is === 'taken' ? { is: 'refused', message: writing.message } : writing;
  }
}

/** What becomes of a manifest that says again what was tried in vain; empty where that is not so. */
export function refusedText(name: string, problems: readonly Problem[], desired: Desired): string {
  const refused = desired.state === 'present' ? (desired.rollout?.refused ?? null) : null;
  if (problems.length > 0 || refused === null) return '';
  const [cause = ''] = refused.because.split('\n');
  return `not tried again: revision ${refused.revision}: ${cause}\nto try it all the same: nspawnctl rollout retry ${name}\n`;
}

/** The newest that was Ready and is not what the manifest says. */
function lastReady(revisions: readonly Revision[]): Revision | null {
  const others = revisions.filter(({ isInManifest, readyAt }) => !isInManifest && readyAt !== undefined);
  return others.find(({ isInForce }) => isInForce) ?? others.at(-1) ?? null;
}

function findRevision(revisions: readonly Revision[], number: number): Revision | null {
  return revisions.find(({ revision }) => revision === number) ?? null;
}
