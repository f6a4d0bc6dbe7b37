import { createHash, timingSafeEqual } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { isErrorCode, messageOf, NspawndError } from '../errors.ts';
import { failure, type PlainAnswer, refuse, type WatchAnswer } from './answer.ts';
import type { Credentials } from './credentials.ts';
import { cutUnlessTaken } from './cut-unless-taken.ts';
import { formOf } from './form.ts';
import { answerInTurn } from './in-turn.ts';
import type { ServerLog } from './log.ts';
import { APPLY_PATCH, JSON_PATCH, MERGE_PATCH } from './media-types.ts';
import { methodsOf } from './methods-of.ts';
import type { Query } from './query.ts';
import type { Face, Route } from './route.ts';
import { textFormOf } from './text-form.ts';
import { Untaken } from './untaken.ts';
import type { Watchers } from './watchers.ts';

export interface AppOptions extends Face {
  readonly routes: readonly Route[];
  readonly watchers: Watchers;
  /** Null: every verb is allowed; else anything but GET is refused with this message. */
  readonly readingOnlyBecause: string | null;
  /** Over TCP, where no mode of a file says who may: TLS, and a token that every request must bear. */
  readonly credentials: Credentials | null;
  readonly log: ServerLog;
}

const PATCH_TYPES = [MERGE_PATCH, APPLY_PATCH, JSON_PATCH];

/** The only file that knows Fastify: the routes of one socket with their bounds. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { limits, readingOnlyBecause, credentials } = options;
  const common = {
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    bodyLimit: limits.bodyBytes,
    handlerTimeout: limits.handlerTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    http: { maxHeaderSize: limits.headerBytes, headersTimeout: limits.requestTimeoutMs },
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) => {
      // No hook sees these.
      cutUnlessTaken(reply.raw, limits.takeTimeoutMs);
      send(reply, refuse('BadRequest', error.message));
    },
    clientErrorHandler: answerBrokenRequest,
  } as const;
  const tls =
    credentials === null
      ? null
      : {
          cert: credentials.certificate,
          key: credentials.key,
          // Who has shown no token yet must not hold a connection for Node's two minutes.
          handshakeTimeout: limits.requestTimeoutMs,
        };
  // The two kinds of server differ in nothing that is used here.
  const app = (tls === null ? fastify(common) : fastify({ ...common, https: tls })) as FastifyInstance;
  app.server.maxConnections = limits.connections;
  answerInTurn(app.server, limits.unansweredRequests);
  // Every answer but a watch, which goes on.
  // With a callback, as a promise would let what is broken behind a refused request be answered before it.
  const untaken = new Untaken(limits);
  app.addHook<string>('onSend', (_request, reply, payload, done) => {
    // What is kept is these bytes: of a text, the system would be given a copy, and both be kept.
    const bytes = Buffer.from(payload);
    untaken.add(reply.raw, bytes.length);
    done(null, bytes);
  });
  // Kubernetes' patches; what is in them is the routes' to judge.
  app.addContentTypeParser(PATCH_TYPES, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  app.setErrorHandler((error, _request, reply) => send(reply, toRefusal(error, options.log)));
  app.setNotFoundHandler((request, reply) =>
    send(reply, refuse('NotFound', `no such path: ${request.method} ${request.url}`)),
  );
  if (credentials !== null) {
    const isBorne = tokenCheck(credentials.token);
    app.addHook('onRequest', async (request, reply) => {
      if (!isBorne(request.headers.authorization))
        return send(
          reply,
          refuse('Unauthorized', 'the token is missing or wrong; use the kubeconfig of nspawnd'),
        );
    });
  }
  if (readingOnlyBecause !== null) {
    app.addHook('onRequest', async (request, reply) => {
      if (request.method !== 'GET') return send(reply, refuse('Forbidden', readingOnlyBecause));
    });
  }
  // Before the body is looked at: whatever it is, it is not wanted.
  app.addHook('onRequest', async (request, reply) => {
    const methods = request.is404 ? methodsOf(request.url, options.routes) : [];
    if (methods.length === 0) return;
    reply.header('allow', methods.join(', '));
    return send(reply, refuse('MethodNotAllowed', `${request.method} is not possible here`));
  });
  for (const route of options.routes) addRoute(app, route, options);
  return app;
}

/** Compares in a time that says nothing of the token. */
function tokenCheck(token: string): (header: string | undefined) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return header => timingSafeEqual(digest(header ?? ''), expected);
}

function addRoute(app: FastifyInstance, route: Route, options: AppOptions): void {
  app.route({
    method: route.method,
    url: route.path,
    ...(route.bodyBytes === null ? {} : { bodyLimit: route.bodyBytes }),
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const { readingOnlyBecause } = options;
      if (route.isRootOnly && readingOnlyBecause !== null)
        return send(reply, refuse('Forbidden', readingOnlyBecause));
      const { name = '', namespace = '' } = request.params as Readonly<Record<string, string>>;
      const [contentType = ''] = (request.headers['content-type'] ?? '').split(';');
      const answer = await route.answer(
        {
          name,
          namespace,
          form: formOf(request.headers.accept),
          textForm: textFormOf(request.headers.accept),
          contentType: contentType.trim().toLowerCase(),
          query: request.query as Query,
          body: request.body,
        },
        options,
      );
      return answer.is === 'watch' ? openWatch(answer, reply, options) : send(reply, answer);
    },
  });
}

function openWatch(answer: WatchAnswer, reply: FastifyReply, options: AppOptions): FastifyReply {
  if (options.watchers.isFull())
    return send(reply, refuse('TooManyRequests', `more than ${options.limits.watchers} watches are open`));
  reply.hijack();
  if (options.watchers.open(reply.raw, answer.kind, answer.watch)) return reply;
  const expired = failure('Expired', 'resourceVersion is not known (any more): list again');
  reply.raw.writeHead(expired.code, { 'content-type': 'application/json' });
  reply.raw.end(JSON.stringify(expired));
  cutUnlessTaken(reply.raw, options.limits.takeTimeoutMs);
  return reply;
}

function send(reply: FastifyReply, answer: PlainAnswer): FastifyReply {
  reply.code(answer.code);
  // As Kubernetes warns: 299 is what lasts, and nobody in particular says it.
  if (answer.is === 'text' && answer.notes !== undefined && answer.notes.length > 0)
    reply.header(
      'warning',
      answer.notes.map(note => `299 - "${note}"`),
    );
  return answer.is === 'text'
    ? reply.type(answer.contentType ?? 'text/plain; charset=utf-8').send(answer.text)
    : reply.type('application/json').send(answer.object);
}

function toRefusal(error: unknown, log: ServerLog): PlainAnswer {
  const { statusCode = 500, code = '' } = error as { statusCode?: number; code?: string };
  const message = messageOf(error);
  if (code === 'FST_ERR_HANDLER_TIMEOUT') return refuse('Timeout', 'nspawnd found no answer in time');
  if (isErrorCode(error, 'Suspended')) return refuse('Conflict', message);
  if (error instanceof NspawndError) return refuse('ServiceUnavailable', `${error.code}: ${message}`);
  if (statusCode === 413) return refuse('RequestEntityTooLarge', message);
  if (statusCode === 415) return refuse('UnsupportedMediaType', message);
  if (statusCode >= 400 && statusCode < 500) return refuse('BadRequest', message);
  log.error({ err: error }, 'A request failed unexpectedly');
  return refuse('InternalError', message);
}

/** What is not even HTTP is answered as far as it can be, and the connection ends. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? failure('RequestHeaderFieldsTooLarge', 'the URL and headers are too large')
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? failure('Timeout', 'the request did not arrive in time')
        : failure('BadRequest', 'not an HTTP request');
  const body = JSON.stringify(status);
  const head = `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code]}\r\nconnection: close`;
  socket.end(
    `${head}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
