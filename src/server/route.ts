import type { ControlPort, MetricsPort } from '../controller/ports.ts';
import type { Answer } from './answer.ts';
import type { Form } from './form.ts';
import type { Limits } from './limits.ts';
import type { Query } from './query.ts';
import type { TextForm } from './text-form.ts';

/** One thing the sockets can be asked. Routes see no HTTP library; `app.ts` feeds them. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Bound of the body; null: it takes none beyond the usual. */
  readonly bodyBytes: number | null;
  /** A GET that tells more of the host than the group of readers may see. */
  readonly isRootOnly?: true;
  answer(ask: Ask, face: Face): Answer | Promise<Answer>;
}

export interface Ask {
  /** The `:name` of the path; empty where it has none. */
  readonly name: string;
  /** The `:namespace` of the path; empty where it has none. */
  readonly namespace: string;
  /** How the client wants objects. */
  readonly form: Form;
  /** Where text was asked for; only what has a text heeds it. */
  readonly textForm: TextForm | null;
  /** The body's media type without its parameters; empty where there is no body. */
  readonly contentType: string;
  readonly query: Query;
  readonly body: unknown;
}

/** A question that changes nothing. */
export function get(path: string, answer: Route['answer']): Route {
  return { method: 'GET', path, bodyBytes: null, answer };
}

/** What every route may use. */
export interface Face {
  readonly control: ControlPort;
  readonly metrics: MetricsPort;
  readonly version: string;
  readonly limits: Limits;
}
