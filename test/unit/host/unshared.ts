import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** A process with mounts of its own that runs these lines of shell and then stays until the test is over; its PID. */
export async function unshared(
  context: TestContext,
  lines: string,
  options: readonly string[] = [],
): Promise<number> {
  const script = `{ ${lines}\n} && echo done && exec sleep 1000`;
  const child = spawn('unshare', ['--mount', ...options, 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await once(child.stdout, 'data');
  return child.pid ?? 0;
}
