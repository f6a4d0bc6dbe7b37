import { findCondition } from '../../api/condition.ts';
import type { Container, Phase } from '../../api/container.ts';
import type { Verb } from '../../server/protocol.ts';

/** How far a requested verb has come. */
export type Verdict =
  | { readonly is: 'done' }
  | { readonly is: 'underway' }
  | { readonly is: 'failed'; readonly reason: string; readonly message: string };

/** What was seen of the container since the request. */
export interface Seen {
  /** Something visible has changed: the controller has taken the request up. */
  readonly hasMoved: boolean;
  /** A run has begun that was not there before. */
  readonly hasStarted: boolean;
  /** For how long nothing has changed. */
  readonly steadyMs: number;
}

/**
 * How long a state that may be the old one, or one on the way, is not believed: the request is on its way and the
 * controller has not looked yet.
 */
export const GRACE_MS = 3_000;

/** Pure; from the container as it was before the request and as it is (null: gone). */
export function judge(verb: Verb, before: Container, now: Container | null, seen: Seen): Verdict {
  if (verb === 'stop' || verb === 'terminate') return judgeStop(now, seen);
  if (now !== null) return judgeStart(verb, before, now, seen);
  return { is: 'failed', reason: 'Removed', message: 'its manifest is gone, and so is the container' };
}

/** Whether the container has visibly reacted since `before`. */
export function isMove(before: Container, now: Container): boolean {
  return fingerprint(before) !== fingerprint(now);
}

/** Whether `now` shows a run that `before` did not. */
export function isNewRun(before: Container, now: Container): boolean {
  if (now.status.phase === 'Starting') return isMove(before, now);
  return now.status.phase === 'Running' && isOtherRun(before, now);
}

function judgeStop(now: Container | null, { hasMoved, steadyMs }: Seen): Verdict {
  if (now === null || now.status.phase === 'Stopped') return { is: 'done' };
  const isDown = now.status.leader === undefined && DOWN.has(now.status.phase);
  return isDown && (hasMoved || steadyMs >= GRACE_MS) ? { is: 'done' } : { is: 'underway' };
}

function judgeStart(
  verb: 'start' | 'restart',
  before: Container,
  now: Container,
  { hasMoved, hasStarted, steadyMs }: Seen,
): Verdict {
  const ready = findCondition(now.status.conditions, 'Ready');
  if (ready?.status === 'True' && (verb === 'start' || isOtherRun(before, now))) return { is: 'done' };
  const failed: Verdict = {
    is: 'failed',
    reason: ready?.reason ?? now.status.phase,
    message: ready?.message ?? '',
  };
  const underway: Verdict = { is: 'underway' };
  const isSteady = steadyMs >= GRACE_MS;
  switch (now.status.phase) {
    case 'BackOff':
      return hasMoved ? failed : underway;
    case 'Failed':
      // A run that ends on the way to the next may pass through here.
      return hasStarted || (hasMoved && isSteady) ? failed : underway;
    case 'Stalled':
    case 'Invalid':
      return hasMoved || isSteady ? failed : underway;
    case 'Exited':
    case 'Stopped':
      return hasStarted ? failed : underway;
    default:
      return underway;
  }
}

const DOWN: ReadonlySet<Phase> = new Set(['Exited', 'Failed', 'Stalled', 'Invalid', 'Unknown', 'Pending']);

function isOtherRun(before: Container, now: Container): boolean {
  const { startedAt, leader } = now.status;
  // What is not known (machined forgets) says nothing.
  if (startedAt !== undefined) return startedAt !== before.status.startedAt;
  return leader !== undefined && leader !== before.status.leader;
}

function fingerprint({ status }: Container): string {
  const ready = findCondition(status.conditions, 'Ready');
  return JSON.stringify([
    status.phase,
    status.restarts,
    status.startedAt ?? '',
    status.leader ?? 0,
    status.nextRetryTime ?? '',
    ready?.status ?? '',
    ready?.reason ?? '',
  ]);
}
