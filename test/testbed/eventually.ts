import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** 10 s when not given. */
  readonly timeoutMs?: number;
  /** When not given, 50 ms, and a tenth of the time waited so far when that is more: a look at a host costs it something. */
  readonly everyMs?: number;
  /** Completes the sentence "waited 10 s for ...". */
  readonly describe?: string;
}

/**
 * Waits until `condition` returns something truthy, and returns it. A condition that throws is not met yet, so it may
 * consist of assertions (return true after them). At the end of the time it throws, with the last value or error.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs, describe = 'a condition' }: EventuallyOptions = {},
): Promise<NonNullable<T>> {
  const begin = performance.now();
  const deadline = begin + timeoutMs;
  for (;;) {
    const outcome = await attempt(condition);
    if ('value' in outcome && outcome.value) return outcome.value;
    if (performance.now() >= deadline) throw timedOut(outcome, describe, timeoutMs);
    await sleep(everyMs ?? Math.min(500, Math.max(50, (performance.now() - begin) / 10)));
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

async function attempt<T>(condition: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

function timedOut(outcome: Outcome<unknown>, describe: string, timeoutMs: number): Error {
  const waited = `waited ${timeoutMs / 1000} s for ${describe}`;
  if ('error' in outcome) return new Error(`${waited}: ${String(outcome.error)}`, { cause: outcome.error });
  return new Error(`${waited}; last seen: ${JSON.stringify(outcome.value)}`);
}
