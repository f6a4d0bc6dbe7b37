import { escapeLine } from '../../view/escape.ts';
import { retry, undo } from '../client/rollout.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { findContainer } from './find.ts';

/** `nspawnctl rollout undo NAME`: an earlier spec is what its manifest says again. */
export async function rolloutUndo(
  name: string,
  toRevision: number | null,
  { client, terminal }: Context,
): Promise<ExitCode> {
  await findContainer(name, client);
  const { file = '' } = await undo(client, name, toRevision);
  await terminal.out(`container/${name} undone: ${escapeLine(file)}\n`);
  return EXIT.done;
}

/** `nspawnctl rollout retry NAME`: what was tried in vain is tried once more. */
export async function rolloutRetry(name: string, { client, terminal }: Context): Promise<ExitCode> {
  await findContainer(name, client);
  await retry(client, name);
  await terminal.out(`container/${name} is tried again; follow it: nspawnctl rollout status ${name}\n`);
  return EXIT.done;
}
