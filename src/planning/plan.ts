import type { Observed } from './observed.ts';
import type { Step } from './step.ts';

/**
 * What has to be done for one key now, in order, and what is waited for afterwards. An empty plan that waits for nothing
 * means: everything is as desired.
 */
export interface Plan {
  readonly key: string;
  readonly steps: readonly Step[];
  readonly waitingFor: Waiting | null;
  /** What only a person (or a change of the host) can mend; no steps are planned for it. */
  readonly stalled: { readonly reason: string; readonly message: string } | null;
}

export interface Waiting {
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since the epoch at which to look again even if no signal comes; null: a signal will. */
  readonly until: number | null;
  /** What comes after it, for a person who looks at the plan before it happens. */
  readonly next?: string;
}

export function nothing(observed: Observed): Plan {
  return { key: observed.name, steps: [], waitingFor: null, stalled: null };
}

export function waiting(observed: Observed, steps: readonly Step[], waitingFor: Waiting | null): Plan {
  return { key: observed.name, steps, waitingFor, stalled: null };
}

export function stalled(
  observed: Observed,
  obstacle: { readonly reason: string; readonly message: string },
): Plan {
  return { key: observed.name, steps: [], waitingFor: null, stalled: obstacle };
}
