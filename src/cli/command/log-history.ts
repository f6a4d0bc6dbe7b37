import type { JournalEntry } from '../../host/journal-reader.ts';
import type { LogSource } from '../view/log-line.ts';
import type { Readable } from './log-source.ts';

export interface LogEntry {
  readonly source: LogSource;
  readonly entry: JournalEntry;
}

/** What there is so far of several journals, in the order of time; nothing but one entry of each is held. */
export async function* allOf(readables: readonly Readable[], signal: AbortSignal): AsyncGenerator<LogEntry> {
  const streams = readables.map(readable => ({
    source: readable.source,
    entries: readable.past(false, signal),
  }));
  const heads = await Promise.all(
    streams.map(async stream => ({ ...stream, head: await next(stream.entries) })),
  );
  try {
    for (;;) {
      const first = heads.reduce<(typeof heads)[number] | null>((best, candidate) => {
        if (candidate.head === null) return best;
        return best?.head == null || candidate.head.at < best.head.at ? candidate : best;
      }, null);
      if (first?.head == null) return;
      yield { source: first.source, entry: first.head };
      first.head = await next(first.entries);
    }
  } finally {
    for (const { entries } of streams) await entries.return(undefined);
  }
}

/** The last entries of several journals that are wanted, in the order of time. */
export async function lastOf(
  readables: readonly Readable[],
  count: number,
  isWanted: (entry: LogEntry) => boolean,
  signal: AbortSignal,
): Promise<readonly LogEntry[]> {
  const found = await Promise.all(
    readables.map(async readable => {
      const last: LogEntry[] = [];
      if (count === 0) return last;
      for await (const entry of readable.past(true, signal)) {
        const candidate = { source: readable.source, entry };
        if (isWanted(candidate)) last.push(candidate);
        if (last.length >= count) break;
      }
      return last.reverse();
    }),
  );
  const all = found.flat().sort((a, b) => a.entry.at - b.entry.at);
  return count === 0 ? [] : all.slice(-count);
}

async function next(entries: AsyncGenerator<JournalEntry>): Promise<JournalEntry | null> {
  const result = await entries.next();
  return result.done === true ? null : result.value;
}
