import type { ServerResponse } from 'node:http';
import type { ControlPort } from '../controller/ports.ts';
import { shapeBookmark } from './form.ts';
import type { Kind } from './kind.ts';
import type { Limits } from './limits.ts';
import { INITIAL_EVENTS_END } from './protocol.ts';
import type { Told, WatchHistory } from './watch-history.ts';
import type { WatchRequest } from './watch-request.ts';
import { WatchStream } from './watch-stream.ts';

/** All open watches of one socket. Each socket has its own, so that readers of the one cannot use up the other's. */
export class Watchers {
  readonly #control: ControlPort;
  readonly #histories: ReadonlyMap<Kind['kind'], WatchHistory>;
  readonly #limits: Limits;
  readonly #open = new Set<OpenWatch>();
  readonly #bookmarks: NodeJS.Timeout;

  constructor(control: ControlPort, histories: readonly WatchHistory[], limits: Limits) {
    this.#control = control;
    this.#histories = new Map(histories.map(history => [history.kind.kind, history]));
    this.#limits = limits;
    this.#bookmarks = setInterval(() => this.#sendBookmarks(), limits.bookmarkMs);
    this.#bookmarks.unref();
  }

  isFull(): boolean {
    return this.#open.size >= this.#limits.watchers;
  }

  /** False when the changes since the asked version are not all known: the client must list again. */
  open(response: ServerResponse, kind: Kind['kind'], request: WatchRequest): boolean {
    const history = this.#histories.get(kind);
    const told =
      request.resourceVersion === null ? history?.everything() : history?.since(request.resourceVersion);
    if (history === undefined || told == null) return false;
    const { resourceVersion, wantsBookmarks, wantsInitialEnd } = request;
    const hasEnd = resourceVersion === null && wantsInitialEnd;
    const end = hasEnd ? this.#bookmark(history, request, { [INITIAL_EVENTS_END]: 'true' }) : null;
    // Read now, told later line by line: a change in between comes after what it changes.
    const stream = new WatchStream(response, lines(told, request, end), this.#limits);
    const unsubscribe = history.subscribe(change => {
      const line = change.lineFor(request.selection, request.form, request.include);
      if (line !== null) stream.send(line);
    });
    const entry: OpenWatch = { stream, wantsBookmarks, history, request };
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
    for (const { stream, wantsBookmarks, history, request } of this.#open) {
      if (wantsBookmarks && stream.isIdle()) stream.send(this.#bookmark(history, request));
    }
  }

  #bookmark(
    { kind }: WatchHistory,
    { form }: WatchRequest,
    annotations?: Readonly<Record<string, string>>,
  ): string {
    const object = shapeBookmark(kind, this.#control.resourceVersion(), annotations, form);
    return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
  }
}

interface OpenWatch {
  readonly stream: WatchStream;
  readonly wantsBookmarks: boolean;
  readonly history: WatchHistory;
  readonly request: WatchRequest;
}

function* lines(all: Iterable<Told>, request: WatchRequest, end: string | null): Generator<string> {
  for (const told of all) {
    const line = told.lineFor(request.selection, request.form, request.include);
    if (line !== null) yield line;
  }
  if (end !== null) yield end;
}
