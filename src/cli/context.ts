import type { Client } from './client/client.ts';
import type { Terminal } from './terminal.ts';

/** What every command gets from `program.ts`. */
export interface Context {
  readonly client: Client;
  readonly terminal: Terminal;
}
