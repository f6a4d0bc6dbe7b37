import type { Kind } from './kind.ts';
import type { Status, StatusReason } from './protocol.ts';
import type { WatchRequest } from './watch-request.ts';

/** What a route makes of a request; `app.ts` turns it into HTTP. */
export type Answer = PlainAnswer | WatchAnswer;

export type PlainAnswer =
  | { readonly is: 'object'; readonly code: number; readonly object: object }
  | {
      readonly is: 'text';
      readonly code: number;
      readonly text: string;
      readonly contentType?: string;
      /** What has to be said besides, in headers: printable ASCII without quotes. */
      readonly notes?: readonly string[];
    };

export interface WatchAnswer {
  readonly is: 'watch';
  readonly kind: Kind['kind'];
  readonly watch: WatchRequest;
}

export function ok(object: object): PlainAnswer {
  return { is: 'object', code: 200, object };
}

export function created(object: object): PlainAnswer {
  return { is: 'object', code: 201, object };
}

export function refuse(reason: StatusReason, message: string): PlainAnswer {
  const object = failure(reason, message);
  return { is: 'object', code: object.code, object };
}

export function failure(reason: StatusReason, message: string): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason,
    message,
    code: CODE[reason],
  };
}

/** Kubernetes' reasons and the HTTP codes it gives them. */
const CODE: Readonly<Record<StatusReason, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  RequestHeaderFieldsTooLarge: 431,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
};
