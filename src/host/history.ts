import type { History } from '../planning/observed.ts';
import type { LaunchCause, StepArguments } from '../planning/step.ts';

/** How the records of restarts change; pure, so that applying a step twice is easy to see. */

/** As many times as judging a crash loop takes. */
const KEPT_TIMES = 20;

export function afterLaunch(history: History, at: number, specHash: string, cause: LaunchCause): History {
  const isRestart = cause === 'restart';
  return {
    ...history,
    launch: { at, isCounted: false },
    seenSpecHash: specHash,
    nextRetryAt: null,
    restarts: history.restarts + (isRestart ? 1 : 0),
    recentRestarts: isRestart ? [...history.recentRestarts, at].slice(-KEPT_TIMES) : history.recentRestarts,
    recentReboots:
      cause === 'reboot' ? [...history.recentReboots, at].slice(-KEPT_TIMES) : history.recentReboots,
  };
}

export function afterFailure(history: History, failure: StepArguments['recordFailure']): History {
  return {
    ...history,
    failures: failure.failures,
    nextRetryAt: failure.nextRetryAt,
    countedInvocationId: failure.invocationId,
    lastFailure: failure.cause,
    launch: history.launch === null ? null : { ...history.launch, isCounted: true },
  };
}

/** Nothing changes where it has been taken back. */
export function afterTakenBack(history: History, invocationId: string): History {
  if (history.countedInvocationId !== invocationId) return history;
  const failures = Math.max(0, history.failures - 1);
  const { trial } = history;
  return {
    ...history,
    failures,
    // A trial that began with it counted does not have to see one more.
    trial: trial === null ? null : { ...trial, failures: Math.min(trial.failures, failures) },
    nextRetryAt: null,
    countedInvocationId: '',
    lastFailure: failures === 0 ? '' : history.lastFailure,
    launch: history.launch === null ? null : { ...history.launch, isCounted: false },
  };
}

export function afterNote(history: History, specHash: string): History {
  return { ...history, seenSpecHash: specHash };
}

export function afterReset(history: History): History {
  const trial = history.trial === null ? null : { ...history.trial, failures: 0 };
  return { ...history, trial, failures: 0, nextRetryAt: null, recentRestarts: [], lastFailure: '' };
}

export function afterTrialBegun(history: History, generation: number, at: number): History {
  return { ...history, trial: { generation, since: at, failures: history.failures } };
}
