/** What a client asks of a watch. */
export interface WatchRequest {
  /** Null: tell everything that is, then every change; else every change after it. */
  readonly resourceVersion: bigint | null;
  readonly name: string | null;
  readonly wantsBookmarks: boolean;
  /** A bookmark says when everything that is has been told. */
  readonly wantsInitialEnd: boolean;
  readonly timeoutMs: number | null;
}

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const MAX_TIMEOUT_SECONDS = 86_400;

/** Reads the query of a watch; a string says what is wrong with it. */
export function parseWatchRequest(query: Query, name: string | null): WatchRequest | string {
  const version = query.resourceVersion ?? '';
  if (typeof version !== 'string' || !/^\d{0,20}$/.test(version))
    return 'resourceVersion: not a decimal number';
  const timeout = query.timeoutSeconds ?? '';
  if (typeof timeout !== 'string' || !/^\d{0,9}$/.test(timeout)) return 'timeoutSeconds: not a number';
  const isFromNow = version !== '' && version !== '0' && query.sendInitialEvents !== 'true';
  return {
    resourceVersion: isFromNow ? BigInt(version) : null,
    name,
    wantsBookmarks: isTrue(query.allowWatchBookmarks),
    wantsInitialEnd: isTrue(query.sendInitialEvents),
    timeoutMs: Number(timeout) > 0 ? Math.min(Number(timeout), MAX_TIMEOUT_SECONDS) * 1000 : null,
  };
}

export function isTrue(value: Query[string]): boolean {
  return value === '1' || value === 'true';
}
