import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { describeContainer } from '../view/describe.ts';
import { findContainer } from './find.ts';

/** `nspawnctl describe NAME`: everything about one container, and why it is not Ready. */
export async function describe(name: string, { client, terminal }: Context): Promise<ExitCode> {
  const container = await findContainer(name, client);
  const events = await client.events(name);
  await terminal.out(describeContainer({ container, events }, terminal.now(), terminal.paint));
  return EXIT.done;
}
