import { unitName } from '../../api/container.ts';
import { isName } from '../../api/name.ts';
import { NspawndError } from '../../errors.ts';
import { findGuest, findMachineUnit, type Guest } from '../../host/guest-facts.ts';
import { SEES_ONLY_ITS_OWN } from '../../host/journal-reader.ts';
import { findRun } from '../../host/unit-runs.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { findContainer } from './find.ts';
import { followAll } from './log-follow.ts';
import { forgiving } from './log-forgiving.ts';
import { allOf, lastOf } from './log-history.ts';
import { LogPrinter } from './log-printer.ts';
import { consoleOf, controllerOf, guestJournalOf, type Readable } from './log-source.ts';

export interface LogsOptions {
  readonly follow: boolean;
  /** In journalctl's words; null: from the beginning of the run. */
  readonly since: string | null;
  /** The run before. */
  readonly previous: boolean;
  /** Null: all there are. */
  readonly lines: number | null;
  readonly timestamps: boolean;
  readonly grep: RegExp | null;
  /** Null: what can be had of the console and the guest's own journal. */
  readonly only: 'console' | 'guest' | 'controller' | null;
}

/** `nspawnctl logs NAME`: what a guest said, or nspawnd of it. Works without nspawnd. */
export async function logs(name: string, options: LogsOptions, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const missing = await findMissing(name, context);
  const printer = new LogPrinter(options, terminal);
  const startedAt = Date.now();
  const choice = await choose(name, options, terminal).catch(explain);
  await printPast(choice.readables, options, printer, terminal.closed).catch(explain);
  if (!printer.hasPrinted && missing !== null) throw missing;
  if (options.follow) await followAll(name, choice, printer, startedAt, terminal.closed).catch(explain);
  else if (!printer.hasPrinted) await terminal.err('nspawnctl: no lines\n');
  return EXIT.done;
}

/** What was removed may still have said something; only when it has not, that it is gone is the answer. */
async function findMissing(name: string, { client }: Context): Promise<CliError | null> {
  try {
    await findContainer(name, client);
    return null;
  } catch (error) {
    if (!(error instanceof CliError) || !isName(name)) throw error;
    if (error.exitCode === EXIT.noSuchObject) return error;
    if (error.exitCode === EXIT.unavailable || error.exitCode === EXIT.notPermitted) return null;
    throw error;
  }
}

export interface LogChoice {
  readonly readables: readonly Readable[];
  /** Whether the guest's own journal is one of them, now or when it runs. */
  readonly isWithGuest: boolean;
  readonly guest: Guest | null;
}

async function choose(name: string, options: LogsOptions, terminal: Terminal): Promise<LogChoice> {
  const { only, previous, since } = options;
  const without = { isWithGuest: false, guest: null };
  if (only === 'controller') return { readables: [controllerOf(name, since)], ...without };
  const isRoot = process.geteuid?.() === 0;
  const guest = isRoot && only !== 'console' ? await findGuest(name, null).catch(() => null) : null;
  if (only === 'guest') return { readables: [guestJournal(name, guest, options)], isWithGuest: true, guest };
  const unit = (await findMachineUnit(name).catch(() => null)) ?? unitName(name);
  const run = await findRun(unit, previous ? 'previous' : 'last', terminal.closed);
  if (previous && run === null)
    throw new CliError(EXIT.no, `the journal knows of no run of ${name} before this one`);
  const readables = [consoleOf(unit, run, since)];
  if (only === 'console' || previous) return { readables, ...without };
  if (!isRoot) {
    await terminal.err("nspawnctl: only its console: a guest's own journal is root's to read (sudo)\n");
    return { readables, ...without };
  }
  const isSpeaking = guest?.hasSystemd === true;
  if (isSpeaking) readables.push(forgiving(guestJournalOf(guest, since), name, terminal));
  return { readables, isWithGuest: guest === null || isSpeaking, guest };
}

/** Of one that was asked for by name: why not, where there is none. */
function guestJournal(name: string, guest: Guest | null, { since, previous }: LogsOptions): Readable {
  const instead = [`see what its console printed: nspawnctl logs --console ${name}`];
  if (process.geteuid?.() !== 0)
    throw new CliError(EXIT.notPermitted, "only root may read a guest's own journal", [
      'run the same command with sudo',
    ]);
  if (previous)
    throw new CliError(EXIT.usage, "--previous is of the console; a guest's journal is of this run");
  if (guest === null)
    throw new CliError(EXIT.no, `${name} is not running, and its own journal is read in the guest`, instead);
  if (!guest.hasSystemd)
    throw new CliError(EXIT.no, `${name} has no journal: it runs a command, not systemd`, instead);
  return guestJournalOf(guest, since);
}

async function printPast(
  readables: readonly Readable[],
  { lines }: LogsOptions,
  printer: LogPrinter,
  signal: AbortSignal,
): Promise<void> {
  if (lines === null) {
    for await (const entry of allOf(readables, signal)) {
      await printer.take(entry);
      if (signal.aborted) return;
    }
    return;
  }
  const last = await lastOf(readables, lines, entry => printer.isWanted(entry), signal);
  for (const entry of last) await printer.take(entry);
}

/** What journalctl refuses, in the words of a command. */
function explain(error: unknown): never {
  if (!(error instanceof NspawndError)) throw error;
  if (SEES_ONLY_ITS_OWN.test(error.message))
    throw new CliError(
      EXIT.notPermitted,
      'not permitted to read the journal',
      ['run the same command with sudo', 'or join the group systemd-journal'],
      { cause: error },
    );
  const isTime = /Failed to parse timestamp/.test(error.message);
  const hints = isTime ? ['such as 10m, 2h, 2026-01-31T12:00:00Z, yesterday'] : [];
  throw new CliError(isTime ? EXIT.usage : EXIT.no, error.message, hints, { cause: error });
}
