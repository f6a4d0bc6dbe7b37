import { runShort } from './short-command.ts';

/**
 * sd_notify(3) for Node, which has no datagram sockets: systemd's own command says it for us (NotifyAccess=all). Does
 * nothing outside a service.
 */
export async function notifyReady(): Promise<void> {
  await notify(['--ready', `--pid=${process.pid}`]);
}

export async function notifyStatus(status: string): Promise<void> {
  await notify([`--status=${status}`]);
}

export async function notifyStopping(): Promise<void> {
  await notify(['STOPPING=1']);
}

/** Feeds the watchdog at half of its time while `isAlive` says so; returns what stops it. */
export function feedWatchdog(isAlive: () => boolean): () => void {
  const intervalMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1000 / 2;
  if (!(intervalMs > 0)) return () => undefined;
  const timer = setInterval(() => {
    // A missed feeding is systemd's business: if it goes on, it restarts us.
    if (isAlive()) notify(['WATCHDOG=1']).catch(() => undefined);
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function notify(args: readonly string[]): Promise<void> {
  if (process.env.NOTIFY_SOCKET === undefined) return;
  await runShort('systemd-notify', args);
}
