import type { Container } from '../../api/container.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { select } from './select.ts';

/**
 * Does something to each of the named containers, in their order. All or none: half of a list of names is rarely what was
 * meant, so one that is missing stops it before the first.
 */
export async function each(
  names: readonly string[],
  { client, terminal }: Context,
  act: (container: Container) => Promise<ExitCode>,
): Promise<ExitCode> {
  const list = await client.list();
  const { found, missing } = await select(list.items, names);
  for (const error of missing) await reportError(error, terminal);
  if (missing.length > 0) return EXIT.noSuchObject;
  let code: ExitCode = EXIT.done;
  for (const container of found) {
    const ended = await act(container);
    if (ended !== EXIT.done) code = ended;
  }
  return code;
}
