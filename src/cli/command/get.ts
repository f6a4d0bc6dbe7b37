import type { Container } from '../../api/container.ts';
import type { ContainerList } from '../../server/protocol.ts';
import { nameLine, noContainers, tableText } from '../../view/listing.ts';
import { sourceFooter } from '../../view/source-footer.ts';
import { CliError } from '../cli-error.ts';
import type { Selectors } from '../client/client.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Path } from '../jsonpath/template.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { type Form, fillIn } from '../view/form.ts';
import { formatObject } from '../view/output.ts';
import { type FormOptions, openForm } from './open-form.ts';
import { select } from './select.ts';

export interface GetOptions extends FormOptions {
  readonly selectors: Selectors;
  readonly sortBy: string | null;
  readonly ignoreNotFound: boolean;
}

/** `nspawnctl get [NAME...]`: how the containers are. */
export async function get(
  names: readonly string[],
  options: GetOptions,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const form = await openForm(options, terminal);
  const sortPath = await openSort(options.sortBy);
  refuseBoth(names, options.selectors);
  const [list, source] = await Promise.all([client.list(options.selectors), client.source()]);
  const selected = await select(list.items, names);
  const missing = options.ignoreNotFound ? [] : selected.missing;
  const found = await sort(selected.found, sortPath, terminal);
  await terminal.out(await format(form, list, found, names.length === 1, terminal));
  for (const error of missing) await reportError(error, terminal);
  if (found.length === 0 && missing.length === 0 && !options.ignoreNotFound)
    await terminal.err(nothingFound(options.selectors, source.directory));
  if (options.output.is === 'table') for (const line of sourceFooter(source)) await terminal.err(`${line}\n`);
  return missing.length > 0 ? EXIT.noSuchObject : EXIT.done;
}

/** A name and a selector together are a contradiction, as with kubectl. */
export function refuseBoth(names: readonly string[], { labelSelector, fieldSelector }: Selectors): void {
  if (names.length > 0 && (labelSelector !== undefined || fieldSelector !== undefined))
    throw new CliError(EXIT.usage, 'either names or selectors, not both');
}

export async function openSort(sortBy: string | null): Promise<Path | null> {
  if (sortBy === null) return null;
  const { parsePathOnly } = await import('../jsonpath/parse-template.ts');
  return parsePathOnly(sortBy, '--sort-by');
}

export async function sort(
  containers: readonly Container[],
  path: Path | null,
  terminal: Terminal,
): Promise<readonly Container[]> {
  if (path === null) return containers;
  const { sortBy } = await import('../view/sort.ts');
  const { items, isKnown } = sortBy(path, containers);
  if (!isKnown) await terminal.err('nspawnctl: --sort-by: no container has that field\n');
  return items;
}

async function format(
  form: Form,
  list: ContainerList,
  found: readonly Container[],
  isOne: boolean,
  { now, paint }: Terminal,
): Promise<string> {
  if (form.is === 'name') return found.map(nameLine).join('');
  if (form.is === 'table') return tableText(form.columns, form.hasHeader, found, now(), paint);
  // One asked for by name is that object; anything else is a list, also an empty one.
  const object = isOne ? found[0] : { ...list, items: found };
  if (object === undefined) return '';
  return form.is === 'object' ? formatObject(object, form.format) : fillIn(form, object);
}

function nothingFound({ labelSelector, fieldSelector }: Selectors, directory: string): string {
  return labelSelector === undefined && fieldSelector === undefined
    ? `${noContainers(directory)}\n`
    : 'No containers match.\n';
}
