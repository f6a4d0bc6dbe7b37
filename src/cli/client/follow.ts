import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from '../../api/container.ts';
import type { ContainerList, WatchEvent } from '../../server/protocol.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import type { Client, Selectors } from './client.ts';

/** What a watch sees. A snapshot comes first, and again whenever changes may have been missed. */
export type Sight<L = ContainerList, T = Container> =
  | {
      readonly is: 'snapshot';
      readonly list: L;
      /** The daemon may have just started, and not know everything yet: what is missing is not gone. */
      readonly mayBePartial: boolean;
    }
  | {
      readonly is: 'change';
      readonly change: { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T };
    }
  | { readonly is: 'lost'; readonly error: CliError };

/** Something of the daemon's that can be listed, and watched from the list on. */
export interface Watchable<L> {
  list(signal: AbortSignal): Promise<L>;
  watch(resourceVersion: string, signal: AbortSignal): Promise<IncomingMessage>;
}

const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 2_000;
/** The daemon says something every ten seconds, if only how far it is. */
const SILENCE_MAX_MS = 35_000;
const MAX_LINE_LENGTH = 64 * 1024 * 1024;

/** Every change of the containers since `first` (or now) until `signal`; see `followList`. */
export function follow(
  client: Client,
  signal: AbortSignal,
  { first, selectors }: { readonly first?: ContainerList; readonly selectors?: Selectors } = {},
): AsyncGenerator<Sight> {
  const containers: Watchable<ContainerList> = {
    list: during => client.list(selectors, during),
    watch: (resourceVersion, during) => client.watch(resourceVersion, selectors, during),
  };
  return followList(containers, signal, first);
}

/**
 * Every change of what is in a list, across restarts of the daemon, until `signal`, also where that comes before the first
 * list. Throws only when there is no first list, or when trying again cannot help.
 */
export async function* followList<L extends Pick<ContainerList, 'metadata'>, T>(
  of: Watchable<L>,
  signal: AbortSignal,
  first?: L,
): AsyncGenerator<Sight<L, T>> {
  let list: L;
  try {
    list = first ?? (await of.list(signal));
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  let retryMs = RETRY_FIRST_MS;
  let isLost = false;
  while (!signal.aborted) {
    yield { is: 'snapshot', list, mayBePartial: isLost };
    isLost = false;
    try {
      const response = await of.watch(list.metadata.resourceVersion, signal);
      retryMs = RETRY_FIRST_MS;
      yield* readChanges<L, T>(response);
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
    }
    // Ended, cut off, expired or restarted: what was missed is in a new list.
    for (let next: L | null = null; next === null; ) {
      await sleep(retryMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      try {
        next = await of.list(signal);
        list = next;
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) throw error;
        if (!isLost) yield { is: 'lost', error: error as CliError };
        isLost = true;
      }
    }
  }
}

async function* readChanges<L, T>(response: IncomingMessage): AsyncGenerator<Sight<L, T>> {
  response.setTimeout(SILENCE_MAX_MS, () => response.destroy(new Error('nspawnd fell silent')));
  response.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_LENGTH) return;
      for (const line of lines) {
        const event = JSON.parse(line) as WatchEvent;
        if (event.type === 'ERROR') return;
        if (event.type !== 'BOOKMARK')
          yield { is: 'change', change: { type: event.type, object: event.object as T } };
      }
    }
  } catch {
    // Cut off in the middle: the caller lists again, which tells it whether the daemon is there.
  } finally {
    response.destroy();
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof CliError && error.exitCode === EXIT.unavailable;
}
