import { runIn } from '../../host/guest-command.ts';
import type { Guest } from '../../host/guest-facts.ts';
import {
  type JournalEntry,
  type JournalQuery,
  journalctl,
  matchesOfRun,
  matchesOfUnit,
  readJournal,
  WHOLE,
} from '../../host/journal-reader.ts';
import type { UnitRun } from '../../host/unit-runs.ts';
import { controllerKey, type LogSource } from '../view/log-line.ts';
import { chooseWay, leaveWay } from './guest.ts';

/** Something with lines that can be read: all there are, the other way round, or as they come. */
export interface Readable {
  readonly source: LogSource;
  /** What there is so far, newest first when reversed. */
  past(isReverse: boolean, signal: AbortSignal): AsyncGenerator<JournalEntry>;
  /** What comes after that. */
  future(after: Position, signal: AbortSignal): AsyncGenerator<JournalEntry>;
}

/** Up to where a journal was read: an entry, or where there was none, a time. */
export interface Position {
  readonly cursor: string | null;
  /** Milliseconds since 1970; 0: from the first. */
  readonly at: number;
}

/** What the guest's console printed, and what systemd said of its unit. */
export function consoleOf(unit: string, run: UnitRun | null, since: string | null): Readable {
  // With a time, all runs since; else one.
  const matches = since !== null || run === null ? matchesOfUnit(unit) : matchesOfRun(run.invocation);
  return {
    source: 'console',
    past: (isReverse, signal) => readJournal(journalctl({ ...WHOLE, matches, since, isReverse }), signal),
    // Also of the runs to come.
    future: (after, signal) =>
      readJournal(journalctl({ ...following(after), matches: matchesOfUnit(unit) }), signal),
  };
}

/** nspawnd's own lines about a container, of this boot unless a time is given. */
export function controllerOf(name: string, since: string | null): Readable {
  const query = { ...WHOLE, matches: ['_SYSTEMD_UNIT=nspawnd.service'] };
  const isAbout = ({ message }: JournalEntry) => controllerKey(message) === name;
  return {
    source: 'controller',
    past: (isReverse, signal) => {
      const argv = journalctl({ ...query, since, isReverse, isThisBoot: since === null });
      return only(readJournal(argv, signal), isAbout);
    },
    future: (after, signal) =>
      only(readJournal(journalctl({ ...following(after), matches: query.matches }), signal), isAbout),
  };
}

/**
 * The guest's own journal, read by the guest's own journalctl in the guest: what lies below its root is not read from here,
 * where a link of the guest's would lead into the host's files.
 */
export function guestJournalOf(guest: Guest, since: string | null): Readable {
  const read = async function* (query: JournalQuery, signal: AbortSignal) {
    const way = await chooseWay(guest, false, false);
    const unit = way.unit.replace(/^nspawnctl-/, OURS);
    // The guest's systemd says of each such reading that it began.
    const isOurs = (entry: JournalEntry) => entry.unit.startsWith(OURS);
    try {
      const command = runIn(guest, journalctl(query), { ...way, unit });
      yield* only(readJournal(command.argv, signal, command.unit), entry => !isOurs(entry));
    } finally {
      await leaveWay(way);
    }
  };
  return {
    source: 'guest',
    past: (isReverse, signal) => read({ ...WHOLE, since, isReverse, isThisBoot: true }, signal),
    future: (after, signal) => read({ ...following(after), isThisBoot: true }, signal),
  };
}

const OURS = 'nspawnctl-logs-';

function following({ cursor, at }: Position): JournalQuery {
  const since = cursor === null && at > 0 ? `@${(at / 1000).toFixed(3)}` : null;
  return { ...WHOLE, since, afterCursor: cursor, isFollowing: true };
}

async function* only(
  entries: AsyncGenerator<JournalEntry>,
  isWanted: (entry: JournalEntry) => boolean,
): AsyncGenerator<JournalEntry> {
  for await (const entry of entries) if (isWanted(entry)) yield entry;
}
