import { setTimeout as sleep } from 'node:timers/promises';
import { sampleUsage, type UsageSample } from '../../host/usage.ts';
import { paintPlain } from '../../view/paint.ts';
import { columnWidths, formatRow, formatTable } from '../../view/table.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { openScreen, type Screen } from '../screen.ts';
import { formatObject } from '../view/output.ts';
import {
  sortUsage,
  USAGE_HEADER,
  type Usage,
  type UsageOrder,
  usageBetween,
  usageList,
  usageRow,
} from '../view/usage.ts';
import { findContainer } from './find.ts';

export interface TopOptions {
  readonly isOnce: boolean;
  readonly order: UsageOrder;
  readonly output: 'table' | 'json' | 'yaml';
}

/** What is told is what happened within this long. */
const WINDOW_MS = 1_000;

/**
 * `nspawnctl top [NAME...]`: what running containers use. On a terminal until q or Ctrl-C, else once. From the kernel's
 * counters, so it works while nspawnd does not.
 */
export async function top(
  names: readonly string[],
  { isOnce, order, output }: TopOptions,
  { client, terminal }: Context,
): Promise<ExitCode> {
  const look = () => lookAt(names);
  const first = await look();
  const absent = names.filter(name => !first.some(sample => sample.name === name));
  if (absent.length > 0 && absent.length === new Set(names).size)
    throw await notRunning(absent[0] ?? '', client);
  const screen = isOnce || output !== 'table' || !terminal.isInteractive ? null : openScreen();
  if (screen !== null) {
    try {
      await follow(screen, first, look, order, terminal);
    } finally {
      screen.close();
    }
    return EXIT.done;
  }
  await sleep(WINDOW_MS);
  const usages = sortUsage(usageBetween(first, await look()), order);
  if (output !== 'table') await terminal.out(await formatObject(usageList(usages), output));
  else if (usages.length === 0) await terminal.err('No container runs.\n');
  else await terminal.out(formatTable([USAGE_HEADER, ...usages.map(usageRow)], terminal.paint));
  for (const name of absent) await reportError(await notRunning(name, client), terminal);
  return absent.length > 0 ? EXIT.no : EXIT.done;
}

async function lookAt(names: readonly string[]): Promise<readonly UsageSample[]> {
  const samples = await sampleUsage();
  return names.length === 0 ? samples : samples.filter(({ name }) => names.includes(name));
}

/** With the name that may have been meant, where nspawnd is there to say which there are. */
async function notRunning(name: string, client: Context['client']): Promise<CliError> {
  try {
    await findContainer(name, client);
  } catch (error) {
    if (error instanceof CliError && error.exitCode === EXIT.noSuchObject) return error;
    // Without nspawnd only what runs is known, and this does not, ignoring.
  }
  return new CliError(EXIT.no, `${name} does not run`, [`see why: nspawnctl describe ${name}`]);
}

/** Draws every second, and at once when the window changes, until the person has seen enough. */
async function follow(
  screen: Screen,
  first: readonly UsageSample[],
  look: () => Promise<readonly UsageSample[]>,
  order: UsageOrder,
  { paint, closed }: Context['terminal'],
): Promise<void> {
  let before = first;
  let usages = usageBetween([], first);
  const soon = () => AbortSignal.any([closed, AbortSignal.timeout(WINDOW_MS)]);
  let due = soon();
  while (!closed.aborted) {
    screen.draw(picture(sortUsage(usages, order), screen, paint));
    const what = await screen.next(due);
    if (QUIT.has(what)) return;
    // A key that says nothing, or another size: the same numbers again.
    if (what !== 'ended') continue;
    const after = await look();
    usages = usageBetween(before, after);
    before = after;
    due = soon();
  }
}

/** q, Ctrl-C, Ctrl-D: raw terminals make no signals of them. */
const QUIT: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004']);

function picture(
  usages: readonly Usage[],
  { columns, rows }: Pick<Screen, 'columns' | 'rows'>,
  paint: Context['terminal']['paint'],
): readonly string[] {
  const table = [USAGE_HEADER, ...usages.map(usageRow)];
  const widths = columnWidths(table);
  // Plain text has no colours, so a line can be cut anywhere.
  const lines = table.map(row => formatRow(row, widths, paintPlain, '').trimEnd().slice(0, columns));
  const room = Math.max(1, rows - 2);
  const shown = lines.slice(0, room + 1).map((line, index) => (index === 0 ? paint('bold', line) : line));
  const more = lines.length - shown.length;
  const footer =
    more > 0 ? `and ${more} more; q ends` : usages.length === 0 ? 'no container runs; q ends' : 'q ends';
  return [...shown.slice(0, Math.max(1, rows - 1)), paint('dim', footer.slice(0, columns))];
}
