import { type IncomingMessage, request } from 'node:http';

export interface Request {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Of the body, where it is not just JSON. */
  readonly contentType?: string;
  readonly body?: unknown;
}

/** Node works the name out otherwise, for which it compiles large patterns: a tenth of what a command takes. */
const NO_TLS = { servername: '' };

/**
 * Sends one request over a unix socket; resolves when the head of the answer is there. Rejects with the system's own
 * error (ENOENT, EACCES, ...), or with an AbortError.
 */
export function connect(socketPath: string, ask: Request, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = ask.body === undefined ? undefined : Buffer.from(JSON.stringify(ask.body));
    const headers =
      body === undefined
        ? {}
        : { 'content-type': ask.contentType ?? 'application/json', 'content-length': body.length };
    const { method, path } = ask;
    const to = { socketPath, agent: false, host: 'nspawnd', ...NO_TLS } as const;
    const outgoing = request({ ...to, method, path, headers, signal });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
