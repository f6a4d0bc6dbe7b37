import type { EventObject } from '../../api/event.ts';
import { columnWidths, formatRow } from '../../view/table.ts';
import { CliError } from '../cli-error.ts';
import type { EventObjectList, Selectors } from '../client/client.ts';
import { followList, type Watchable } from '../client/follow.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { byTime, EVENT_HEADER, eventRow } from '../view/event-table.ts';
import { formatObject } from '../view/output.ts';
import { findContainer } from './find.ts';

export interface EventsOptions {
  readonly watch: boolean;
  readonly output: 'table' | 'json' | 'yaml';
  /** Null: all. */
  readonly types: readonly string[] | null;
  readonly headers: boolean;
}

/** `nspawnctl events [NAME...]`: what happened, the newest last; with -w also what goes on to happen. */
export async function events(
  names: readonly string[],
  options: EventsOptions,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const odd = options.types?.find(type => type !== 'normal' && type !== 'warning');
  if (odd !== undefined)
    throw new CliError(EXIT.usage, `--types: neither Normal nor Warning: ${JSON.stringify(odd)}`);
  const selectors = selectorsFor(names);
  const isWanted = ({ involvedObject, type }: EventObject) =>
    (names.length === 0 || names.includes(involvedObject.name)) &&
    (options.types?.includes(type.toLowerCase()) ?? true);
  const list = await client.allEvents(selectors);
  const found = byTime(list.items.filter(isWanted));
  // A name that nothing has happened to may be none.
  for (const name of names)
    if (!found.some(({ involvedObject }) => involvedObject.name === name)) await findContainer(name, client);
  const print = printer(options, terminal);
  if (options.watch) {
    const of: Watchable<EventObjectList> = {
      list: signal => client.allEvents(selectors, signal),
      watch: (resourceVersion, signal) => client.watchEvents(resourceVersion, selectors, signal),
    };
    await watchEvents(of, list, isWanted, print, terminal);
  } else if (options.output !== 'table') {
    await terminal.out(await formatObject({ ...list, items: found }, options.output));
  } else if (found.length > 0) {
    await print(found);
  } else {
    await terminal.err('No events found.\n');
  }
  return EXIT.done;
}

/** Each event once, and again when it has happened again; what the daemon forgets is forgotten. */
async function watchEvents(
  of: Watchable<EventObjectList>,
  first: EventObjectList,
  isWanted: (event: EventObject) => boolean,
  print: Print,
  terminal: Terminal,
): Promise<void> {
  /** By the event's name: what was last told of it. */
  let told = new Map<string, string>();
  for await (const sight of followList<EventObjectList, EventObject>(of, terminal.closed, first)) {
    if (sight.is === 'lost') {
      await reportError(sight.error, terminal);
      await terminal.err('nspawnctl: waiting for nspawnd to come back\n');
    } else if (sight.is === 'snapshot') {
      const wanted = sight.list.items.filter(isWanted);
      const fresh = wanted.filter(event => told.get(event.metadata.name) !== newsOf(event));
      const now = wanted.map(event => [event.metadata.name, newsOf(event)] as const);
      told = new Map(sight.mayBePartial ? [...told, ...now] : now);
      await print(byTime(fresh));
    } else {
      const { type, object } = sight.change;
      const { name } = object.metadata;
      if (type === 'DELETED') told.delete(name);
      else if (isWanted(object) && told.get(name) !== newsOf(object)) {
        told.set(name, newsOf(object));
        await print([object]);
      }
    }
  }
}

/** The same event has another resourceVersion after a restart of the daemon, and is no news. */
function newsOf({ count, lastTimestamp }: EventObject): string {
  return `${count} ${lastTimestamp}`;
}

/** The daemon sends only what can be asked of it in one selector. */
function selectorsFor(names: readonly string[]): Selectors {
  const [only] = names;
  return only !== undefined && names.length === 1 ? { fieldSelector: `involvedObject.name=${only}` } : {};
}

type Print = (events: readonly EventObject[]) => Promise<void>;

function printer({ output, headers }: EventsOptions, terminal: Terminal): Print {
  if (output !== 'table')
    return async found => {
      for (const event of found)
        await terminal.out(`${output === 'yaml' ? '---\n' : ''}${await formatObject(event, output)}`);
    };
  let widths: readonly number[] = [];
  let isFirst = headers;
  return async found => {
    const rows = found.map(event => eventRow(event, terminal.now()));
    const all = isFirst ? [EVENT_HEADER, ...rows] : rows;
    isFirst = false;
    widths = columnWidths(all, widths);
    for (const row of all) await terminal.out(formatRow(row, widths, terminal.paint));
  };
}
