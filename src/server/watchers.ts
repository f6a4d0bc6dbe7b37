import type { ServerResponse } from 'node:http';
import type { Container } from '../api/container.ts';
import type { ControlPort } from '../controller/ports.ts';
import type { Limits } from './limits.ts';
import { type Bookmark, GROUP_VERSION, INITIAL_EVENTS_END, type WatchEvent } from './protocol.ts';
import { type Told, tell, type WatchHistory } from './watch-history.ts';
import type { WatchRequest } from './watch-request.ts';
import { WatchStream } from './watch-stream.ts';

/** All open watches of one socket. Each socket has its own, so that readers of the one cannot use up the other's. */
export class Watchers {
  readonly #control: ControlPort;
  readonly #history: WatchHistory;
  readonly #limits: Limits;
  readonly #open = new Set<{ readonly stream: WatchStream; readonly wantsBookmarks: boolean }>();
  readonly #bookmarks: NodeJS.Timeout;

  constructor(control: ControlPort, history: WatchHistory, limits: Limits) {
    this.#control = control;
    this.#history = history;
    this.#limits = limits;
    this.#bookmarks = setInterval(() => this.#sendBookmarks(), limits.bookmarkMs);
    this.#bookmarks.unref();
  }

  isFull(): boolean {
    return this.#open.size >= this.#limits.watchers;
  }

  /** False when the changes since the asked version are not all known: the client must list again. */
  open(response: ServerResponse, request: WatchRequest): boolean {
    const missed = request.resourceVersion === null ? [] : this.#history.since(request.resourceVersion);
    if (missed === null) return false;
    const isWanted = (name: string) => request.name === null || request.name === name;
    // Read now, told later line by line: a change in between comes after what it changes.
    const initial =
      request.resourceVersion === null
        ? everything(this.#control.list(), this.#control.resourceVersion(), request)
        : missed;
    const stream = new WatchStream(response, lines(initial, isWanted), this.#limits);
    const unsubscribe = this.#history.subscribe(told => {
      if (isWanted(told.name)) stream.send(told.line());
    });
    const entry = { stream, wantsBookmarks: request.wantsBookmarks };
    this.#open.add(entry);
    const timeout =
      request.timeoutMs === null ? undefined : setTimeout(() => stream.end(), request.timeoutMs).unref();
    response.on('close', () => {
      clearTimeout(timeout);
      unsubscribe();
      this.#open.delete(entry);
    });
    stream.start();
    return true;
  }

  close(): void {
    clearInterval(this.#bookmarks);
    for (const { stream } of this.#open) stream.end();
  }

  #sendBookmarks(): void {
    const line = bookmarkLine(this.#control.resourceVersion());
    for (const { stream, wantsBookmarks } of this.#open) {
      if (wantsBookmarks && stream.isIdle()) stream.send(line);
    }
  }
}

function* everything(
  containers: readonly Container[],
  resourceVersion: string,
  request: WatchRequest,
): Generator<Told> {
  for (const object of containers) yield tell({ type: 'ADDED', object });
  if (!request.wantsInitialEnd) return;
  const line = bookmarkLine(resourceVersion, { [INITIAL_EVENTS_END]: 'true' });
  yield { version: BigInt(0), name: '', line: () => line };
}

function* lines(all: Iterable<Told>, isWanted: (name: string) => boolean): Generator<string> {
  for (const told of all) if (told.name === '' || isWanted(told.name)) yield told.line();
}

function bookmarkLine(resourceVersion: string, annotations?: Readonly<Record<string, string>>): string {
  const object: Bookmark = {
    kind: 'Container',
    apiVersion: GROUP_VERSION,
    metadata: annotations === undefined ? { resourceVersion } : { resourceVersion, annotations },
  };
  const event: WatchEvent = { type: 'BOOKMARK', object };
  return `${JSON.stringify(event)}\n`;
}
