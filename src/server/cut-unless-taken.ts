import type { ServerResponse } from 'node:http';

/**
 * For an answer that is complete: whoever has not taken it in this time is cut off, as it is kept for as long. Taken is
 * what the system has for the client; what fits in the socket's buffer is so at once.
 */
export function cutUnlessTaken(response: ServerResponse, timeoutMs: number): void {
  if (response.destroyed) return;
  const timer = setTimeout(() => response.destroy(), timeoutMs);
  timer.unref();
  response.once('close', () => clearTimeout(timer));
}
