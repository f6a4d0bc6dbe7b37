/** Aborts when the time is over, or when `signal` does, until it is cleared. */
export interface Deadline {
  readonly signal: AbortSignal;
  clear(): void;
}

/**
 * By hand: in Node 20 a signal made by `AbortSignal.any()` of one made by `AbortSignal.timeout()` never aborts once the
 * garbage has been collected, and whoever waits for it waits for ever.
 */
export function startDeadline(timeoutMs: number, signal?: AbortSignal): Deadline {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), Math.max(1, timeoutMs));
  const abort = () => {
    // Nothing waits for it any more, not even the end of the process.
    clearTimeout(timer);
    over.abort();
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    signal: over.signal,
    clear: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    },
  };
}
