const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Does something that must clean up behind itself: a signal ends it by its abort signal, and then this process by the same
 * signal, as if it had not been caught. A second one is not caught.
 */
export async function untilInterrupted<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  let received: NodeJS.Signals | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    received = signal;
    for (const each of SIGNALS) process.off(each, onSignal);
    over.abort();
  };
  for (const each of SIGNALS) process.on(each, onSignal);
  try {
    return await action(over.signal);
  } finally {
    for (const each of SIGNALS) process.off(each, onSignal);
    if (received !== null) process.kill(process.pid, received);
  }
}
