import { escapeLine } from '../../view/escape.ts';
import { sortByName } from '../../view/listing.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';

/** `nspawnctl list`: the names of all containers, one a line, and nothing else. */
export async function list({ client, terminal }: Context): Promise<ExitCode> {
  const { items } = await client.list();
  await terminal.out(
    sortByName(items)
      .map(({ metadata }) => `${escapeLine(metadata.name)}\n`)
      .join(''),
  );
  return EXIT.done;
}
