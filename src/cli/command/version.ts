import { productVersion } from '../../version.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { escapeLine } from '../view/escape.ts';

/** `nspawnctl version`: of the command, and of the daemon it talks to. */
export async function version(
  { client: clientOnly }: { readonly client: boolean },
  { client, terminal }: Context,
): Promise<ExitCode> {
  await terminal.out(`nspawnctl ${productVersion()}\n`);
  if (clientOnly) return EXIT.done;
  const { gitVersion } = await client.version();
  await terminal.out(`nspawnd ${escapeLine(gitVersion.replace(/^v/, ''))}\n`);
  return EXIT.done;
}
