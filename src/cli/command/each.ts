import type { Container } from '../../api/container.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { selectAll } from './select-all.ts';

/** Does something to each of the named containers, in their order; one that is missing stops it before the first. */
export async function each(
  names: readonly string[],
  { client, terminal }: Context,
  act: (container: Container) => Promise<ExitCode>,
): Promise<ExitCode> {
  const found = await selectAll((await client.list()).items, names, terminal);
  if (found === null) return EXIT.noSuchObject;
  let code: ExitCode = EXIT.done;
  for (const container of found) {
    const ended = await act(container);
    if (ended !== EXIT.done) code = ended;
  }
  return code;
}
