/** Guests, by their PID 1, something of which is being opened for longer than it may take. */
const hanging = new Set<number>();

const TIMEOUT_MS = 2000;

/**
 * What `open` opens below a guest's root; null where there is nothing, whatever is wrong with it, or where it takes too long:
 * who still waits for a file system is waited for by nobody, and not joined by another. What is opened too late is closed.
 */
export async function openInTime<T extends { close(): Promise<void> }>(
  leader: number,
  open: () => Promise<T | null>,
): Promise<T | null> {
  if (hanging.has(leader)) return null;
  let isLate = false;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>(resolve => {
    timer = setTimeout(() => {
      isLate = true;
      hanging.add(leader);
      resolve(null);
    }, TIMEOUT_MS);
  });
  const opened = open().catch(() => null);
  void opened.then(async handle => {
    if (!isLate) return;
    hanging.delete(leader);
    await handle?.close();
  });
  try {
    return await Promise.race([opened, late]);
  } finally {
    clearTimeout(timer);
  }
}
