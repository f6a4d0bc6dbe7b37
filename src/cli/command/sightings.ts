import type { Container } from '../../api/container.ts';
import type { ContainerList } from '../../server/protocol.ts';
import type { Selectors } from '../client/client.ts';
import { follow } from '../client/follow.ts';
import type { Context } from '../context.ts';
import { reportError } from '../report-error.ts';

/** Milliseconds: quick things are not worth a word. */
export const FIRST_WORD_MS = 1_500;

/** Containers as they are now; null: it is gone. */
export type Seen = readonly (readonly [name: string, container: Container | null])[];

/**
 * What becomes of the containers that a command has asked something of and waits for, across restarts of the daemon,
 * which are told. `names` is asked again each time: who is done with is waited for no more.
 */
export async function* sightings(
  names: () => Iterable<string>,
  { client, terminal }: Context,
  signal: AbortSignal,
  {
    whenLost = 'the request stays; waiting for nspawnd to come back',
    ...from
  }: { readonly first?: ContainerList; readonly selectors?: Selectors; readonly whenLost?: string } = {},
): AsyncGenerator<Seen> {
  for await (const sight of follow(client, signal, from)) {
    if (sight.is === 'lost') {
      await reportError(sight.error, terminal);
      await terminal.err(`nspawnctl: ${whenLost}\n`);
      yield [];
    } else if (sight.is === 'snapshot') {
      const items = new Map(sight.list.items.map(item => [item.metadata.name, item]));
      const known = [...names()].filter(name => items.has(name) || !sight.mayBePartial);
      yield known.map(name => [name, items.get(name) ?? null] as const);
    } else {
      const { type, object } = sight.change;
      yield [[object.metadata.name, type === 'DELETED' ? null : object]];
    }
  }
}
