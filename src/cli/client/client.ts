import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from '../../api/container.ts';
import type { EventObject } from '../../api/event.ts';
import type { JsonObject } from '../../api/manifest.ts';
import type { FileText, OverallStatus, Preview } from '../../controller/ports.ts';
import { APPLY_PATCH, MERGE_PATCH } from '../../server/media-types.ts';
import {
  CONTAINERS_PATH,
  type ContainerList,
  type ContainerUpdate,
  EVENTS_PATH,
  type EventList,
  type GenerationList,
  PREVIEW_PATH,
  PRUNE_PATH,
  type PreviewList,
  type RemovedContainer,
  ROOTS_PATH,
  type RootVerdict,
  SOURCE_PATH,
  type Source,
  VERSION_PATH,
  type Verb,
  type VersionInfo,
} from '../../server/protocol.ts';
import { CliError } from '../cli-error.ts';
import { connect, type Request } from './connect.ts';
import { startDeadline } from './deadline.ts';
import { notPermitted, refusal, unavailable, wrongAnswer } from './problems.ts';
import type { Sockets } from './sockets.ts';

const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 1_000;
/** Quick things are not worth a word. */
const FIRST_WORD_MS = 700;

export interface NewContainer {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: JsonObject;
}

export interface ApplyOptions {
  readonly dryRun: boolean;
  readonly force: boolean;
}

export interface RemoveOptions {
  readonly dryRun: boolean;
  readonly ownOnly: boolean;
}

export interface CreateOptions {
  readonly ensureUniqueName: boolean;
  readonly allocateAddresses: boolean;
}

/** Which containers; as Kubernetes writes them, and understood by the daemon. */
export interface Selectors {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface EventObjectList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly EventObject[];
}

/** The daemon as the commands see it. Every call has a deadline and fails with a CliError. */
export class Client {
  readonly #sockets: Sockets;
  readonly #timeoutMs: number;
  /** Called once, when a daemon that is starting takes its time. */
  readonly #onStarting: () => void;
  #hasSaidStarting = false;
  /** The socket that let us read; found once. */
  #readable: string | null = null;

  constructor(sockets: Sockets, timeoutMs: number, onStarting: () => void = () => {}) {
    this.#sockets = sockets;
    this.#timeoutMs = timeoutMs;
    this.#onStarting = onStarting;
  }

  list(selectors: Selectors = {}, signal?: AbortSignal): Promise<ContainerList> {
    const query = new URLSearchParams({ ...selectors }).toString();
    const path = query === '' ? CONTAINERS_PATH : `${CONTAINERS_PATH}?${query}`;
    return this.ask({ method: 'GET', path }, signal);
  }

  get(name: string): Promise<Container> {
    return this.ask({ method: 'GET', path: pathOf(name) });
  }

  async events(name: string): Promise<EventList['items']> {
    const list = await this.ask<EventList>({ method: 'GET', path: `${pathOf(name)}/events` });
    return list.items;
  }

  /** The history of all containers. */
  allEvents(selectors: Selectors, signal?: AbortSignal): Promise<EventObjectList> {
    return this.ask(
      { method: 'GET', path: `${EVENTS_PATH}?${new URLSearchParams({ ...selectors })}` },
      signal,
    );
  }

  async source(): Promise<OverallStatus> {
    const source = await this.ask<Source>({ method: 'GET', path: SOURCE_PATH });
    return source.status;
  }

  version(): Promise<VersionInfo> {
    return this.ask({ method: 'GET', path: VERSION_PATH });
  }

  request(name: string, verb: Verb): Promise<Container> {
    return this.ask({ method: 'POST', path: `${pathOf(name)}/${verb}` });
  }

  suspend(name: string, forSeconds: number | null): Promise<Container> {
    return this.ask({ method: 'POST', path: `${pathOf(name)}/suspend`, body: { forSeconds } });
  }

  resume(name: string): Promise<Container> {
    return this.ask({ method: 'POST', path: `${pathOf(name)}/resume` });
  }

  /** Answers when nspawnd has looked. */
  reconcile(name: string): Promise<Container> {
    return this.ask({ method: 'POST', path: `${pathOf(name)}/reconcile` });
  }

  /** Makes a manifest say what is applied, beside what others have applied; `force` takes over what is theirs. */
  apply(name: string, container: NewContainer, { dryRun, force }: ApplyOptions): Promise<Container> {
    const query = new URLSearchParams({ fieldManager: 'nspawnctl' });
    if (dryRun) query.set('dryRun', 'All');
    if (force) query.set('force', 'true');
    const path = `${pathOf(name)}?${query}`;
    return this.ask({ method: 'PATCH', path, body: container, contentType: APPLY_PATCH });
  }

  /** RFC 7396. */
  patch(name: string, body: object): Promise<Container> {
    return this.ask({ method: 'PATCH', path: pathOf(name), body, contentType: MERGE_PATCH });
  }

  update(name: string, mode: 'build' | 'switch'): Promise<ContainerUpdate> {
    return this.ask({ method: 'POST', path: `${pathOf(name)}/update`, body: { mode } });
  }

  rollback(name: string, to: number | null): Promise<ContainerUpdate> {
    return this.ask({ method: 'POST', path: `${pathOf(name)}/rollback`, body: { to } });
  }

  generations(name: string): Promise<GenerationList> {
    return this.ask({ method: 'GET', path: `${pathOf(name)}/generations` });
  }

  /** The container as it was written, with the place of its manifest. */
  create(container: NewContainer, options: CreateOptions): Promise<Container> {
    const query = new URLSearchParams();
    for (const [option, isOn] of Object.entries(options)) if (isOn) query.set(option, 'true');
    return this.ask({ method: 'POST', path: `${CONTAINERS_PATH}?${query}`, body: container });
  }

  /** `ownOnly`: refuses a manifest that was not made by a request. */
  remove(name: string, { dryRun, ownOnly }: RemoveOptions): Promise<RemovedContainer> {
    const query = new URLSearchParams();
    if (dryRun) query.set('dryRun', 'All');
    if (ownOnly) query.set('ownOnly', 'true');
    return this.ask({ method: 'DELETE', path: `${pathOf(name)}?${query}` });
  }

  /** Why a directory must not be deleted; null: nothing but the container `except` needs it. */
  async rootObjection(path: string, except: string): Promise<string | null> {
    const query = new URLSearchParams({ path, except });
    const verdict = await this.ask<RootVerdict>({ method: 'GET', path: `${ROOTS_PATH}?${query}` });
    return verdict.objection;
  }

  async prune(confirm: string): Promise<OverallStatus> {
    const source = await this.ask<Source>({ method: 'POST', path: PRUNE_PATH, body: { confirm } });
    return source.status;
  }

  /** What would happen with these files; with none, what would happen now (which is reading). */
  async preview(files: readonly FileText[] | null): Promise<readonly Preview[]> {
    const list = await this.ask<PreviewList>(
      files === null
        ? { method: 'GET', path: PREVIEW_PATH }
        : { method: 'POST', path: PREVIEW_PATH, body: { files } },
    );
    return list.items;
  }

  /** Opens a watch; the lines are the caller's to read, and the signal the caller's to end it. */
  watch(
    resourceVersion: string,
    selectors: Selectors | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return this.#watch(CONTAINERS_PATH, resourceVersion, selectors, signal);
  }

  watchEvents(resourceVersion: string, selectors: Selectors, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#watch(EVENTS_PATH, resourceVersion, selectors, signal);
  }

  async #watch(
    list: string,
    resourceVersion: string,
    selectors: Selectors | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const how = { watch: '1', allowWatchBookmarks: 'true', resourceVersion };
    const query = new URLSearchParams({ ...how, ...selectors });
    const path = `${list}?${query}`;
    const deadline = startDeadline(this.#timeoutMs, signal);
    try {
      const response = await this.#send({ method: 'GET', path }, deadline.signal);
      if (response.statusCode !== 200)
        throw refusal(response.statusCode ?? 0, parseJson(await readAll(response)));
      // From here on only the caller ends it.
      const end = () => response.destroy();
      signal.addEventListener('abort', end, { once: true });
      response.once('close', () => signal.removeEventListener('abort', end));
      return response;
    } finally {
      deadline.clear();
    }
  }

  /** A daemon that is starting is asked again, as long as it may take to answer. */
  async ask<T>(ask: Request, signal?: AbortSignal): Promise<T> {
    const startedAt = Date.now();
    for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)) {
      const { code, value } = await this.#askOnce(ask, this.#timeoutMs - (Date.now() - startedAt), signal);
      if (code === 200 || code === 201) {
        if (typeof value !== 'object' || value === null) throw wrongAnswer(this.#sockets.all);
        return value as T;
      }
      const elapsedMs = Date.now() - startedAt;
      if (!isStarting(code, value) || elapsedMs + retryMs >= this.#timeoutMs) throw refusal(code, value);
      if (elapsedMs >= FIRST_WORD_MS) this.#sayStarting();
      await sleep(retryMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  async #askOnce(
    ask: Request,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<{ readonly code: number; readonly value: unknown }> {
    const deadline = startDeadline(timeoutMs, signal);
    try {
      const response = await this.#send(ask, deadline.signal);
      return { code: response.statusCode ?? 0, value: parseJson(await readAll(response)) };
    } catch (error) {
      throw error instanceof CliError
        ? error
        : unavailable(this.#readable ?? this.#sockets.all, error, this.#timeoutMs, ask.method);
    } finally {
      deadline.clear();
    }
  }

  /** Tries the sockets that may serve this request, in order; remembers the one that let us in. */
  async #send(ask: Request, signal: AbortSignal): Promise<IncomingMessage> {
    const { all, reading } = this.#sockets;
    if (ask.method !== 'GET' || reading === null) return this.#sendTo(all, ask, signal);
    if (this.#readable !== null) return this.#sendTo(this.#readable, ask, signal);
    try {
      const response = await connect(all, ask, signal);
      this.#readable = all;
      return response;
    } catch (first) {
      if (!isOutOfReach(first)) throw unavailable(all, first, this.#timeoutMs, ask.method);
      try {
        const response = await connect(reading, ask, signal);
        this.#readable = reading;
        return response;
      } catch (second) {
        if (isForbidden(first) || isForbidden(second)) throw notPermitted(this.#sockets, ask.method);
        throw unavailable(isOutOfReach(second) ? all : reading, second, this.#timeoutMs, ask.method);
      }
    }
  }

  #sayStarting(): void {
    if (!this.#hasSaidStarting) this.#onStarting();
    this.#hasSaidStarting = true;
  }

  async #sendTo(socket: string, ask: Request, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await connect(socket, ask, signal);
    } catch (error) {
      throw isForbidden(error)
        ? notPermitted(this.#sockets, ask.method)
        : unavailable(socket, error, this.#timeoutMs, ask.method);
    }
  }
}

/** The daemon lives, and has not read the manifests yet. */
function isStarting(code: number, value: unknown): boolean {
  const { message } = (value ?? {}) as { readonly message?: unknown };
  return code === 503 && typeof message === 'string' && message.startsWith('nspawnd is starting');
}

function pathOf(name: string): string {
  return `${CONTAINERS_PATH}/${encodeURIComponent(name)}`;
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new RangeError('the answer has no end');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined when it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isOutOfReach(error: unknown): boolean {
  return isForbidden(error) || codeOf(error) === 'ENOENT';
}

function isForbidden(error: unknown): boolean {
  return codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM';
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
