import type { Container } from '../../api/container.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { containerHeader, containerRow } from '../view/container-table.ts';
import { escapeLine } from '../view/escape.ts';
import { formatObject, type OutputFormat } from '../view/output.ts';
import { sourceFooter } from '../view/source-footer.ts';
import { formatTable } from '../view/table.ts';
import { select } from './select.ts';

export interface GetOptions {
  readonly output: OutputFormat;
}

/** `nspawnctl get [NAME...]`: how the containers are. */
export async function get(
  names: readonly string[],
  { output }: GetOptions,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const [list, source] = await Promise.all([client.list(), client.source()]);
  const { found, missing } = await select(list.items, names);
  if (output === 'json' || output === 'yaml') {
    // One asked for by name is that object; anything else is a list, also an empty one.
    const object = names.length === 1 ? found[0] : { ...list, items: found };
    if (object !== undefined) await terminal.out(await formatObject(object, output));
  } else if (found.length > 0) {
    await terminal.out(formatContainers(found, output, terminal));
  }
  for (const error of missing) await reportError(error, terminal);
  if (names.length === 0 && found.length === 0)
    await terminal.err(`No containers found in ${escapeLine(source.directory)}.\n`);
  if (output === 'table' || output === 'wide')
    for (const line of sourceFooter(source)) await terminal.err(`${line}\n`);
  return missing.length > 0 ? EXIT.noSuchObject : EXIT.done;
}

function formatContainers(
  containers: readonly Container[],
  output: 'table' | 'wide' | 'name',
  { now, paint }: Pick<Terminal, 'now' | 'paint'>,
): string {
  if (output === 'name') return containers.map(({ metadata }) => `container/${metadata.name}\n`).join('');
  const isWide = output === 'wide';
  const rows = containers.map(container => containerRow(container, isWide, now()));
  return formatTable([containerHeader(isWide), ...rows], paint);
}
