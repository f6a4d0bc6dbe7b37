/** Tells a waiting person what goes on, on standard error: standard output belongs to results. */
export function report(message: string): void {
  console.error(`testbed: ${message}`);
}

/** Does something that takes long, says so, and how long it took. */
export async function reportWhile<T>(message: string, action: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  report(`${message} ...`);
  const result = await action();
  report(`${message}: done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  return result;
}
