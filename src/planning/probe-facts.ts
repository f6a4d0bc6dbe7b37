import type { Probe } from '../api/probe-fields.ts';

/** The probes of a guest, by what each is for. */
export const PROBE_KINDS = ['startup', 'readiness', 'liveness'] as const;
export type ProbeKind = (typeof PROBE_KINDS)[number];

/** What the probes of a run have found so far. */
export interface ProbeFacts {
  /** The run that they are about; empty: nothing is known of any. */
  readonly invocationId: string;
  /** What nspawnd asks, as `questionsId` has it; empty: it asks nothing (yet, or any more). */
  readonly asked: string;
  readonly startup: ProbeResult;
  readonly readiness: ProbeResult;
  readonly liveness: ProbeResult;
}

export interface ProbeResult {
  /** `unknown` until as many answers in a row were good, or bad, as it takes. */
  readonly state: 'unknown' | 'success' | 'failure';
  /** What the last answer said, where it was not good. From a hostile guest; cleaned and bounded. */
  readonly detail: string;
  /** When it came to this state; null: it never has. */
  readonly since: number | null;
  /** Which question it answers, as `questionId` has it; empty: none has been answered often enough yet. */
  readonly question: string;
}

/** What is to be asked of a guest: addresses are filled in. */
export type Questions = { readonly [K in ProbeKind]?: Probe };

export const UNASKED: ProbeResult = { state: 'unknown', detail: '', since: null, question: '' };
export const NO_PROBES: ProbeFacts = {
  invocationId: '',
  asked: '',
  startup: UNASKED,
  readiness: UNASKED,
  liveness: UNASKED,
};
