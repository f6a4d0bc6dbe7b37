import type { ControlPort } from '../controller/ports.ts';
import type { Answer } from './answer.ts';
import type { Limits } from './limits.ts';
import type { Query } from './watch-request.ts';

/** One thing the sockets can be asked. Routes see no HTTP library; `app.ts` feeds them. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** Bound of the body; null: it takes none beyond the usual. */
  readonly bodyBytes: number | null;
  answer(ask: Ask, face: Face): Answer | Promise<Answer>;
}

export interface Ask {
  /** The `:name` of the path; empty where it has none. */
  readonly name: string;
  readonly query: Query;
  readonly body: unknown;
}

/** What every route may use. */
export interface Face {
  readonly control: ControlPort;
  readonly version: string;
  readonly limits: Limits;
}
