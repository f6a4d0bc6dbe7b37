import { createHash } from 'node:crypto';
import type { Manifest } from '../api/manifest.ts';
import { type EndedRecord, type Observed, UNRECORDED } from './observed.ts';
import { type LaunchCause, type Step, step } from './step.ts';

/** Whether a container that is down is to run: the table "what Restart=on-failure means here" of the README. */
export type RunDecision =
  | { readonly run: 'start'; readonly cause: LaunchCause; readonly because: string }
  | { readonly run: 'later'; readonly at: number; readonly because: string }
  | { readonly run: 'stay'; readonly reason: StayReason; readonly message: string }
  /** The end has to be on disk, as a failure or as a stop, before anything follows from it. */
  | { readonly run: 'count'; readonly count: Step };

export type StayReason = 'Stopped' | 'ExitedCleanly' | 'Failed' | 'NotStarted';

export const BACKOFF_MAX_MS = 300_000;
export const READY_RESET_MS = 600_000;
export const CRASH_LOOP_RESTARTS = 3;
export const CRASH_LOOP_WINDOW_MS = 600_000;
/** A guest that reboots this often within this time is not rebooting, it is crashing. */
const REBOOT_LOOP_COUNT = 5;
const REBOOT_LOOP_WINDOW_MS = 60_000;
const POWERED_OFF = 'the guest powered itself off';

export function decideRun(manifest: Manifest, observed: Observed): RunDecision {
  const { ended, history, request } = observed;
  const { spec } = manifest;

  if (request?.verb === 'stop') return stay('Stopped', 'stopped by request');
  if (request !== null) return { run: 'start', cause: 'asked', because: request.reason };

  const launchCameToNothing = ended === null && history.launch !== null && !history.launch.isCounted;
  const isCounted =
    ended === null
      ? (history.launch?.isCounted ?? false)
      : ended.invocationId === history.countedInvocationId;
  // The record of the end holds the spec it was launched with, and that may have been edited while it ran.
  const lastSpecHash = history.seenSpecHash || (ended?.specHash ?? '');

  if (lastSpecHash === '') {
    return spec.autoStart
      ? { run: 'start', cause: 'first', because: 'it has not run since boot' }
      : stay('NotStarted', 'autoStart is false: start it with nspawnctl start');
  }
  if (lastSpecHash !== manifest.specHash && spec.autoStart) {
    return { run: 'start', cause: 'edited', because: 'the spec changed since it last ran' };
  }
  // A counted end has its next try on disk; how it ended no longer matters, but whether there is to be one does.
  if (isCounted && history.nextRetryAt !== null) {
    if (spec.restartPolicy === 'Never') return stay('Failed', history.lastFailure);
    const hasPoweredOff = ended !== null && !ended.isRequested && isCleanExit(ended);
    if (hasPoweredOff && spec.restartPolicy !== 'Always') return stay('ExitedCleanly', POWERED_OFF);
    return decideRetry(observed, history.nextRetryAt);
  }
  if (launchCameToNothing && wasTakenBack(observed))
    return {
      run: 'count',
      count: step('recordStopped', { specHash: manifest.specHash }, 'its start was taken back'),
    };
  if (launchCameToNothing) return decideFailure(manifest, observed, '', howItCameToNothing(observed));
  if (ended === null) return { run: 'start', cause: 'restart', because: history.lastFailure };
  if (ended.isRequested) return stay('Stopped', 'stopped by request');
  if (isReboot(ended)) {
    return isRebootLoop(observed)
      ? decideFailure(manifest, observed, ended.invocationId, 'it reboots in a loop')
      : { run: 'start', cause: 'reboot', because: 'the guest rebooted' };
  }
  if (isCleanExit(ended) && spec.restartPolicy !== 'Always') return stay('ExitedCleanly', POWERED_OFF);
  return decideFailure(manifest, observed, ended.invocationId, describeEnd(ended));
}

/** `exited with status 1 (exit-code)`: how a run ended, in words. */
export function describeEnd(ended: EndedRecord): string {
  if (ended.result === UNRECORDED)
    return 'it ended, and how could not be recorded: there was no space in /run';
  if (isCleanExit(ended)) return 'it exited cleanly';
  const how =
    ended.exitCode === 'exited'
      ? `exited with status ${ended.exitStatus}`
      : `was ended by signal ${ended.exitStatus}`;
  if (ended.result === 'timeout') return `it did not answer in time and ${how} (timeout)`;
  return ended.exitCode === '' ? `it did not start (${ended.result})` : `it ${how} (${ended.result})`;
}

/** Where not even its record could be made, systemd and the journal know all the same. */
function howItCameToNothing({ unit, complaint }: Observed): string {
  if (unit.activeState !== 'failed') return 'it was started and left no trace of having run';
  const failed = `it failed, and how could not be recorded (${unit.result})`;
  return complaint === '' ? failed : `${failed}: ${complaint}`;
}

/** Milliseconds to wait before the try that follows this many failures in a row: 1 s, doubling, at most 300 s, +-20 %. */
export function backoffMs(failures: number, seed: string): number {
  const doubled = Math.min(BACKOFF_MAX_MS, 1000 * 2 ** Math.min(failures - 1, 20));
  const spread = createHash('sha256').update(seed).digest().readUInt16BE(0) / 0xffff;
  return Math.round(doubled * (0.8 + 0.4 * spread));
}

/** The step that counts one more failure, with the time of the next try. */
export function countFailure(observed: Observed, invocationId: string, cause: string): Step {
  const failures = observed.history.failures + 1;
  const nextRetryAt = observed.now + backoffMs(failures, `${observed.name} ${invocationId} ${failures}`);
  return step('recordFailure', { invocationId, failures, nextRetryAt, cause }, cause);
}

export function isCrashLooping(observed: Observed): boolean {
  return recentRestarts(observed).length >= CRASH_LOOP_RESTARTS;
}

/** Those of the last ten minutes. One in the future was made before the clock was set back: nobody knows when. */
export function recentRestarts({ history, now }: Observed): readonly number[] {
  return history.recentRestarts.filter(at => at > now - CRASH_LOOP_WINDOW_MS && at <= now);
}

function decideFailure(
  manifest: Manifest,
  observed: Observed,
  invocationId: string,
  cause: string,
): RunDecision {
  if (manifest.spec.restartPolicy === 'Never') return stay('Failed', cause);
  return { run: 'count', count: countFailure(observed, invocationId, cause) };
}

/** Stopped while its start was only queued: it never was, so its unit could leave no record of that. */
function wasTakenBack({ history, unit }: Observed): boolean {
  const startedAt = history.launch?.at ?? 0;
  return unit.jobCanceledAt !== null && unit.jobCanceledAt >= startedAt;
}

function decideRetry(observed: Observed, nextRetryAt: number): RunDecision {
  const because = observed.history.lastFailure;
  // A clock that was set back must not make anybody wait longer than the longest backoff.
  const isDue = nextRetryAt <= observed.now || nextRetryAt > observed.now + BACKOFF_MAX_MS * 1.2;
  return isDue ? { run: 'start', cause: 'restart', because } : { run: 'later', at: nextRetryAt, because };
}

/** systemd-nspawn with --keep-unit ends with 133 when its guest asked for a reboot. */
function isReboot(ended: EndedRecord): boolean {
  return ended.exitCode === 'exited' && ended.exitStatus === '133';
}

function isRebootLoop({ history, now }: Observed): boolean {
  const recent = history.recentReboots.filter(at => at > now - REBOOT_LOOP_WINDOW_MS && at <= now);
  return recent.length >= REBOOT_LOOP_COUNT;
}

function isCleanExit(ended: EndedRecord): boolean {
  return ended.result === 'success' && ended.exitStatus === '0';
}

function stay(reason: StayReason, message: string): RunDecision {
  return { run: 'stay', reason, message };
}
