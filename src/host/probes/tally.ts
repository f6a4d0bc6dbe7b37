import type { Probe } from '../../api/probe-fields.ts';
import type { ProbeResult } from '../../planning/probe-facts.ts';
import type { Answer } from './answer.ts';

/** What a probe has found, and the answers in a row that will change it. */
export interface Tally {
  readonly result: ProbeResult;
  readonly good: number;
  readonly bad: number;
}

export function tallyOf(result: ProbeResult): Tally {
  return { result, good: 0, bad: 0 };
}

/** One more answer, counted as Kubernetes counts; `question` is what it answers. Where nothing could be asked nothing changes. */
export function count(
  { result, good, bad }: Tally,
  answer: Answer,
  { successThreshold, failureThreshold }: Pick<Probe, 'successThreshold' | 'failureThreshold'>,
  question: string,
  now: number,
): Tally {
  if (answer.is === 'none') return { result: { ...result, detail: answer.detail }, good, bad };
  const counted =
    answer.is === 'good'
      ? { good: Math.min(good + 1, successThreshold), bad: 0 }
      : { good: 0, bad: Math.min(bad + 1, failureThreshold) };
  const state =
    counted.good === successThreshold
      ? 'success'
      : counted.bad === failureThreshold
        ? 'failure'
        : result.state;
  const since = state === result.state ? result.since : now;
  const isSaid = counted.good === successThreshold || counted.bad === failureThreshold;
  return {
    result: { state, detail: answer.detail, since, question: isSaid ? question : result.question },
    ...counted,
  };
}
