import type { Host } from '../testbed/host.ts';

/** One way of running the same system container. Times are milliseconds of CLOCK_MONOTONIC, which hosts share with us. */
export interface Contender {
  readonly name: string;
  /** What a container finds there beforehand, such as its root: not counted. */
  prepare?(name: string): Promise<void>;
  /** Starts the container NAME from nothing and answers when that began. */
  start(name: string): Promise<number>;
  /** Starts it once more after its unit has ended, and answers when that began; not given: it does so by itself. */
  startAgain?(name: string): Promise<number>;
  /** The systemd unit whose becoming active is READY. */
  unit(name: string): string;
  /** Ends it and removes what belongs to it. */
  remove(name: string): Promise<void>;
}

/** What every contender runs. */
export const ROOT = '/var/lib/machines/base';

export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** When a unit was begun, and when it became active; null while it has not since `after`. */
export async function activeSince(
  host: Host,
  unit: string,
  after: number,
): Promise<{ readonly begunAt: number; readonly activeAt: number } | null> {
  const shown = await showTimes(host, unit, ['InactiveExitTimestamp', 'ActiveEnterTimestamp']);
  const [begunAt = 0, activeAt = 0] = shown.times;
  return shown.state === 'active' && activeAt > after ? { begunAt, activeAt } : null;
}

/** Moments of a unit, and how it is now. A unit that failed may be in the way of nobody. */
export async function showTimes(
  host: Host,
  unit: string,
  names: readonly string[],
): Promise<{ readonly state: string; readonly times: readonly number[] }> {
  const asked = ['ActiveState', ...names.map(name => `${name}Monotonic`)];
  const { stdout } = await host.exec(['systemctl', 'show', ...asked.flatMap(name => ['-p', name]), unit]);
  // In an order of systemd's own.
  const values = new Map(stdout.split('\n').map(line => line.split('=') as [string, string]));
  const [state = '', ...micros] = asked.map(name => values.get(name) ?? '');
  return { state, times: micros.map(text => Number(text) / 1000) };
}

/** Asked seldom enough not to disturb what is measured: the time itself comes from systemd. */
export const POLL_MS = 40;
