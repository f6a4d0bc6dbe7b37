import type { Manifest } from '../api/manifest.ts';
import type { Observed } from './observed.ts';
import { questionsId, questionsOf } from './probes.ts';
import { hasBooted } from './run-state.ts';
import { type Step, step } from './step.ts';

/** Asks what the manifest wants asked, of a guest that has booted, and no longer what it does not. */
export function planProbes(manifest: Manifest, observed: Observed): readonly Step[] {
  if (!hasBooted(manifest, observed)) return [];
  const { unit, probes, history } = observed;
  const questions = questionsOf(manifest);
  const isRun = probes.invocationId === unit.invocationId;
  if (questionsId(questions) === (isRun ? probes.asked : '')) return [];
  const order = {
    invocationId: unit.invocationId,
    mainPid: unit.mainPid,
    bootedAt: unit.activeAt ?? observed.now,
    questions,
    isEdited: history.seenSpecHash !== manifest.specHash,
  };
  if (Object.keys(questions).length === 0) return [step('probe', order, 'it has no probes any more')];
  const because = isRun && probes.asked !== '' ? 'its probes changed' : 'it has booted';
  return [step('probe', order, because)];
}
