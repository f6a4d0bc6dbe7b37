import type { Form, Include } from './form.ts';
import { isTrue, type Query } from './query.ts';
import type { Selection } from './selection.ts';

/** What a client asks of a watch. */
export interface WatchRequest {
  /** Null: tell everything that is, then every change; else every change after it. */
  readonly resourceVersion: bigint | null;
  readonly selection: Selection;
  readonly form: Form;
  readonly include: Include;
  readonly wantsBookmarks: boolean;
  /** A bookmark says when everything that is has been told. */
  readonly wantsInitialEnd: boolean;
  readonly timeoutMs: number | null;
}

const MAX_TIMEOUT_SECONDS = 86_400;

/** Reads the query of a watch; a string says what is wrong with it. */
export function parseWatchRequest(
  query: Query,
  selection: Selection,
  form: Form,
  include: Include,
): WatchRequest | string {
  const version = query.resourceVersion ?? '';
  if (typeof version !== 'string' || !/^\d{0,20}$/.test(version))
    return 'resourceVersion: not a decimal number';
  const timeout = query.timeoutSeconds ?? '';
  if (typeof timeout !== 'string' || !/^\d{0,9}$/.test(timeout)) return 'timeoutSeconds: not a number';
  const isFromNow = version !== '' && version !== '0' && query.sendInitialEvents !== 'true';
  return {
    resourceVersion: isFromNow ? BigInt(version) : null,
    selection,
    form,
    include,
    wantsBookmarks: isTrue(query.allowWatchBookmarks),
    wantsInitialEnd: isTrue(query.sendInitialEvents),
    timeoutMs: Number(timeout) > 0 ? Math.min(Number(timeout), MAX_TIMEOUT_SECONDS) * 1000 : null,
  };
}
