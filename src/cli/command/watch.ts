import type { Container } from '../../api/container.ts';
import { nameLine, sortByName } from '../../view/listing.ts';
import { type Cell, columnWidths, formatRow } from '../../view/table.ts';
import { follow } from '../client/follow.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { type Form, fillIn } from '../view/form.ts';
import { formatObject } from '../view/output.ts';
import { type GetOptions, openSort, refuseBoth, sort } from './get.ts';
import { openForm } from './open-form.ts';
import { select } from './select.ts';

/**
 * `nspawnctl get -w`: the table, then a line per change, as kubectl does it, until Ctrl-C (which ends the process by its
 * signal). A daemon that restarts is waited for; what changed meanwhile is told, nothing else is repeated.
 */
export async function watch(
  names: readonly string[],
  options: GetOptions,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const form = await openForm(options, terminal);
  const sortPath = await openSort(options.sortBy);
  refuseBoth(names, options.selectors);
  const isWanted = (name: string) => names.length === 0 || names.includes(name);
  const print = printer(form, terminal);
  /** By name: what was last told. */
  const told = new Map<string, { readonly container: Container; readonly news: string }>();

  const tell = async (containers: readonly Container[]) => {
    const fresh = containers.filter(container => {
      const news = newsOf(form, container);
      const isNews = told.get(container.metadata.name)?.news !== news;
      told.set(container.metadata.name, { container, news });
      return isNews;
    });
    await print(fresh, false);
  };

  let isFirst = true;
  for await (const sight of follow(client, terminal.closed, { selectors: options.selectors })) {
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
    if (isFirst && found.length === 0 && missing.length > 0 && !options.ignoreNotFound) {
      for (const error of missing) await reportError(error, terminal);
      return EXIT.noSuchObject;
    }
    const present = new Set(found.map(({ metadata }) => metadata.name));
    const gone = sight.mayBePartial ? [] : [...told.values()].map(({ container }) => container);
    for (const container of sortByName(gone)) {
      if (present.has(container.metadata.name)) continue;
      told.delete(container.metadata.name);
      await print([container], true);
    }
    await tell(isFirst ? await sort(found, sortPath, terminal) : found);
    isFirst = false;
  }
  return EXIT.done;
}

type Print = (containers: readonly Container[], isDeletion: boolean) => Promise<void>;

/** Each container by itself, and never a list: what follows would not be in it. */
function printer(form: Form, terminal: Terminal): Print {
  if (form.is === 'table') return tablePrinter(form, terminal);
  return async containers => {
    for (const container of containers) await terminal.out(await textOf(form, container));
  };
}

async function textOf(form: Exclude<Form, { is: 'table' }>, container: Container): Promise<string> {
  if (form.is === 'name') return nameLine(container);
  if (form.is === 'template') return fillIn(form, container, true);
  return `${form.format === 'yaml' ? '---\n' : ''}${await formatObject(container, form.format)}`;
}

function tablePrinter({ columns, hasHeader }: Form & { is: 'table' }, terminal: Terminal): Print {
  let widths: readonly number[] | null = null;
  return async (containers, isDeletion) => {
    if (containers.length === 0) return;
    const toRow = isDeletion ? columns.deletedRow : columns.row;
    const rows: readonly (readonly Cell[])[] = containers.map(container => toRow(container, terminal.now()));
    const all = widths === null && hasHeader ? [columns.header, ...rows] : rows;
    widths = columnWidths(all, widths ?? []);
    for (const row of all) await terminal.out(formatRow(row, widths, terminal.paint));
  };
}

/** What is the same as last time is not told again. */
function newsOf(form: Form, container: Container): string {
  switch (form.is) {
    case 'table':
      return form.columns.news(container);
    case 'object':
    case 'name':
      return container.metadata.resourceVersion;
    case 'template':
      return fillIn(form, container);
  }
}
