import { isName } from '../../api/name.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { noSuchContainer } from '../did-you-mean.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { describeContainer } from '../view/describe.ts';

/** `nspawnctl describe NAME`: everything about one container, and why it is not Ready. */
export async function describe(name: string, { client, terminal }: Context): Promise<ExitCode> {
  if (!isName(name)) throw await missing(name, client);
  try {
    const [container, events] = await Promise.all([client.get(name), client.events(name)]);
    await terminal.out(describeContainer({ container, events }, terminal.now(), terminal.paint));
    return EXIT.done;
  } catch (error) {
    throw error instanceof CliError && error.exitCode === EXIT.noSuchObject
      ? await missing(name, client)
      : error;
  }
}

async function missing(name: string, client: Context['client']): Promise<CliError> {
  const { items } = await client.list();
  return noSuchContainer(
    name,
    items.map(({ metadata }) => metadata.name),
  );
}
