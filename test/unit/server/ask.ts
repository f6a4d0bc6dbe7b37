import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { WatchEvent } from '../../../src/server/protocol.ts';

export interface Answered {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}

/** An answer that does not come fails the test instead of holding it up. */
const DEADLINE_MS = 15_000;

export const API = '/apis/nspawnd.io/v1alpha1';

/** One request of a client that knows nothing of ours. */
export async function ask(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({
      socketPath,
      method,
      path,
      headers: { ...contentType(body), ...headers },
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
  });
  const text = (await response.setEncoding('utf8').toArray()).join('');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { code: response.statusCode ?? 0, headers: response.headers, text, json };
}

function contentType(body: unknown): Record<string, string> {
  return body === undefined ? {} : { 'content-type': 'application/json' };
}

export interface Watching {
  readonly events: readonly WatchEvent[];
  /** `ADDED web`, `BOOKMARK 104`: what a person would note down. */
  seen(): readonly string[];
  hasEnded(): boolean;
  /** Whether the end was a proper one. */
  isComplete(): boolean;
  /** Stops and starts reading, as a client does that is busy. */
  pause(): void;
  resume(): void;
  leave(): void;
}

export async function openWatch(socketPath: string, query = ''): Promise<Watching> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({
      socketPath,
      path: `${API}/containers?watch=1${query === '' ? '' : `&${query}`}`,
      agent: false,
    });
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end();
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`watch answered ${response.statusCode}`);
  }
  const events: WatchEvent[] = [];
  let rest = '';
  let ended = false;
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) events.push(JSON.parse(line) as WatchEvent);
  });
  response.on('error', () => {});
  response.on('close', () => {
    ended = true;
  });
  return {
    events,
    seen: () =>
      events.map(({ type, object }) =>
        type === 'BOOKMARK'
          ? `BOOKMARK ${object.metadata.resourceVersion}`
          : `${type} ${'name' in object.metadata ? object.metadata.name : ''}`,
      ),
    hasEnded: () => ended,
    isComplete: () => ended && response.complete,
    pause: () => response.pause(),
    resume: () => response.resume(),
    leave: () => response.destroy(),
  };
}
