import type { Container } from '../../api/container.ts';
import { isName } from '../../api/name.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client/client.ts';
import { noSuchContainer } from '../did-you-mean.ts';
import { EXIT } from '../exit-code.ts';

/** The one container with this name; fails with the name that may have been meant. */
export async function findContainer(name: string, client: Client): Promise<Container> {
  try {
    // What is no name is not even asked for.
    if (isName(name)) return await client.get(name);
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.noSuchObject) throw error;
  }
  const { items } = await client.list();
  throw noSuchContainer(
    name,
    items.map(({ metadata }) => metadata.name),
  );
}
