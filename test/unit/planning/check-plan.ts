import assert from 'node:assert/strict';
import type { Desired } from '../../../src/planning/desired.ts';
import type { Observed } from '../../../src/planning/observed.ts';
import type { Plan } from '../../../src/planning/plan.ts';
import { stepText } from '../../../src/planning/plan-text.ts';
import { plan } from '../../../src/planning/planner.ts';
import { PATHS } from './base-state.ts';

/**
 * The plan for this state is exactly these lines: one per step in order, then what it is stalled by and waits for. Spec
 * hashes are written SPEC, times relative to now: `until +2000`.
 */
export function checkPlan(desired: Desired, observed: Observed, expected: readonly string[]): void {
  const first = plan(desired, observed, PATHS);
  assert.deepEqual(lines(first, observed), expected);
  assert.deepEqual(plan(desired, observed, PATHS), first, 'the same state gives the same plan');
}

export function lines({ steps, stalled, waitingFor }: Plan, observed: Observed): readonly string[] {
  const texts = steps.map(step =>
    stepText(step)
      .replaceAll(/v\d-[0-9a-f]{16}/g, 'SPEC')
      .replace(/ \d+ lines/, ''),
  );
  if (stalled !== null) texts.push(`stalled by ${stalled.reason}`);
  if (waitingFor !== null) {
    const until = waitingFor.until === null ? '' : ` until +${waitingFor.until - observed.now}`;
    texts.push(`waiting for ${waitingFor.reason}${until}`);
  }
  return texts;
}
