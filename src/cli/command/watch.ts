import type { Container } from '../../api/container.ts';
import { follow } from '../client/follow.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { containerHeader, containerRow, deletedRow, newsOf } from '../view/container-table.ts';
import { formatObject, type OutputFormat } from '../view/output.ts';
import { type Cell, columnWidths, formatRow } from '../view/table.ts';
import { select, sortByName } from './select.ts';

/**
 * `nspawnctl get -w`: the table, then a line per change, as kubectl does it, until Ctrl-C (which ends the process by its
 * signal). A daemon that restarts is waited for; what changed meanwhile is told, nothing else is repeated.
 */
export async function watch(
  names: readonly string[],
  output: OutputFormat,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const isWide = output === 'wide';
  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  /** By name: what was last told. */
  const told = new Map<string, { readonly container: Container; readonly news: string }>();
  let widths: readonly number[] | null = null;

  const printRows = async (rows: readonly (readonly Cell[])[]) => {
    const all = widths === null ? [containerHeader(isWide), ...rows] : rows;
    widths = columnWidths(all, widths ?? []);
    for (const row of all) await terminal.out(formatRow(row, widths, terminal.paint));
  };
  const print = async (containers: readonly Container[], isDeletion: boolean) => {
    if (output === 'json' || output === 'yaml') {
      const separator = output === 'yaml' ? '---\n' : '';
      for (const container of containers)
        await terminal.out(`${separator}${await formatObject(container, output)}`);
    } else if (output === 'name') {
      for (const { metadata } of containers) await terminal.out(`container/${metadata.name}\n`);
    } else if (containers.length > 0) {
      const toRow = isDeletion ? deletedRow : containerRow;
      await printRows(containers.map(container => toRow(container, isWide, terminal.now())));
    }
  };
  const tell = async (containers: readonly Container[]) => {
    const fresh = containers.filter(container => {
      const news =
        output === 'json' || output === 'yaml'
          ? container.metadata.resourceVersion
          : newsOf(containerRow(container, isWide, 0));
      const isNews = told.get(container.metadata.name)?.news !== news;
      told.set(container.metadata.name, { container, news });
      return isNews;
    });
    await print(fresh, false);
  };

  let isFirst = true;
  for await (const sight of follow(client, terminal.closed)) {
    if (sight.is === 'lost') {
      await reportError(sight.error, terminal);
      await terminal.err('nspawnctl: waiting for nspawnd to come back\n');
      continue;
    }
    if (sight.is === 'change') {
      const { type, object } = sight.change;
      if (!isWanted(object.metadata.name)) continue;
      if (type !== 'DELETED') await tell([object]);
      else if (told.delete(object.metadata.name)) await print([object], true);
      continue;
    }
    const { found, missing } = await select(sight.list.items, names);
    if (isFirst && found.length === 0 && missing.length > 0) {
      for (const error of missing) await reportError(error, terminal);
      return EXIT.noSuchObject;
    }
    isFirst = false;
    const present = new Set(found.map(({ metadata }) => metadata.name));
    const gone = sight.mayBePartial ? [] : [...told.values()].map(({ container }) => container);
    for (const container of sortByName(gone)) {
      if (present.has(container.metadata.name)) continue;
      told.delete(container.metadata.name);
      await print([container], true);
    }
    await tell(found);
  }
  return EXIT.done;
}
