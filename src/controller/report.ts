import { type Condition, findCondition } from '../api/condition.ts';
import type { Log } from '../log.ts';
import type { Desired } from '../planning/desired.ts';
import type { Observed } from '../planning/observed.ts';
import type { Plan } from '../planning/plan.ts';
import { type Outcome, summarize } from '../planning/summarize.ts';
import { containerObject } from './container-object.ts';
import { probeEvents } from './probe-events.ts';
import type { StatusStore } from './status-store.ts';

/** A container as it is wanted and as it is, and what is to be done about that. */
export interface Standing {
  readonly desired: Desired;
  readonly observed: Observed;
  readonly current: Plan;
}

/** Of these conditions it is news when they turn so, and is told by this event. */
const NEWS = [
  { type: 'Ready', turns: 'True', reason: 'Ready' },
  { type: 'Stalled', turns: 'True', reason: 'Stalled' },
  { type: 'ManifestValid', turns: 'False', reason: 'ManifestInvalid' },
] as const;

/** Tells how a container stands: its object, its events, the log. Whether it is Ready. */
export async function report(
  store: StatusStore,
  name: string,
  { desired, observed, current }: Standing,
  outcome: Outcome,
  log: Log,
): Promise<boolean> {
  const now = new Date(observed.now).toISOString();
  const summary = summarize(desired, observed, current, outcome);
  const before = store.get(name);
  const after = containerObject(name, desired, observed, summary, before, now);
  const conditions = [before?.status.conditions ?? [], after.status.conditions] as const;
  for (const { type, turns, reason } of NEWS) {
    const [was, is] = conditions.map(of => findCondition(of, type));
    if (is?.status !== turns || !isNews(type, was, is)) continue;
    const isGood = type === 'Ready';
    await store.record(name, { type: isGood ? 'Normal' : 'Warning', reason, message: is.message }, now);
    log[isGood ? 'info' : 'warn'](
      { reason: is.reason, detail: is.message },
      isGood ? 'container is ready' : `container: ${reason}`,
    );
  }
  for (const event of probeEvents(...conditions)) {
    await store.record(name, event, now);
    log[event.type === 'Normal' ? 'info' : 'warn']({ detail: event.message }, `container: ${event.reason}`);
  }
  if (outcome.error !== null) {
    const { code, message } = outcome.error;
    await store.record(name, { type: 'Warning', reason: code, message }, now);
  }
  await store.put(after);
  log.debug({ phase: summary.phase, waitingFor: summary.waitingFor }, 'reconciled');
  return findCondition(after.status.conditions, 'Ready')?.status === 'True';
}

/** What is wrong with a manifest is news also when something else is wrong with it than before. */
function isNews(type: string, was: Condition | undefined, is: Condition): boolean {
  return was?.status !== is.status || (type === 'ManifestValid' && was.message !== is.message);
}
