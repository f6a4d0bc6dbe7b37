/** Time between two moments as kubectl writes it: 5s, 3m20s, 12m, 2h5m, 30h, 4d. */
export function formatAge(since: string | undefined, now: number): string {
  const then = since === undefined ? Number.NaN : Date.parse(since);
  return Number.isNaN(then) ? '<unknown>' : formatDuration(now - then);
}

/** Kubernetes' duration.HumanDuration: two units while the second one still says something. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

/** The same for a bound that somebody chose, which may be less than a second. */
export function formatSpan(ms: number): string {
  return ms < 1000 ? `${ms}ms` : formatDuration(ms);
}

function two(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first}${firstUnit}` : `${first}${firstUnit}${second}${secondUnit}`;
}
