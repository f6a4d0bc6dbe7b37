import type { Host } from '../testbed/host.ts';

/** One way of running the same system container. Times are milliseconds of CLOCK_MONOTONIC, which hosts share with us. */
export interface Contender {
  readonly name: string;
  /** Starts the container NAME from nothing and answers when that began. */
  start(name: string): Promise<number>;
  /** Starts it once more after its unit has ended, and answers when that began; not given: it does so by itself. */
  startAgain?(name: string): Promise<number>;
  /** The systemd unit whose becoming active is READY. */
  unit(name: string): string;
  /** Ends it and removes what belongs to it. */
  remove(name: string): Promise<void>;
}

export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When a unit last became active; null while it has not since `after`. */
export async function activeAt(host: Host, unit: string, after: number): Promise<number | null> {
  const { stdout } = await host.exec([
    'systemctl',
    'show',
    '-P',
    'ActiveState',
    '-P',
    'ActiveEnterTimestampMonotonic',
    unit,
  ]);
  const [state, micros] = stdout.split('\n');
  const at = Number(micros) / 1000;
  return state === 'active' && at > after ? at : null;
}

/** Asked seldom enough not to disturb what is measured: the time itself comes from systemd. */
export const POLL_MS = 40;
