import { messageOf } from '../../errors.ts';
import type { JournalEntry } from '../../host/journal-reader.ts';
import { escapeLine } from '../../view/escape.ts';
import type { Terminal } from '../terminal.ts';
import type { Readable } from './log-source.ts';

/** A guest that is asked and says nothing for so long is not waited for. */
const SILENCE_MAX_MS = 10_000;

/** The same, but a guest that does not answer, or has no journalctl, is no reason not to show the rest. */
export function forgiving(readable: Readable, name: string, terminal: Terminal): Readable {
  const excuse = (why: string) =>
    terminal.err(`nspawnctl: without the journal of ${name} itself: ${escapeLine(why)}\n`);
  return {
    ...readable,
    past: (isReverse, signal) => forgivingly(readable, isReverse, signal, excuse),
  };
}

async function* forgivingly(
  readable: Readable,
  isReverse: boolean,
  signal: AbortSignal,
  excuse: (why: string) => Promise<void>,
): AsyncGenerator<JournalEntry> {
  const giveUp = new AbortController();
  const entries = readable.past(isReverse, AbortSignal.any([signal, giveUp.signal]));
  try {
    for (;;) {
      const clock = setTimeout(() => giveUp.abort(), SILENCE_MAX_MS);
      const result = await entries.next().finally(() => clearTimeout(clock));
      if (result.done === true) break;
      yield result.value;
    }
    if (giveUp.signal.aborted) await excuse('it does not answer');
  } catch (error) {
    await excuse(messageOf(error));
  } finally {
    await entries.return(undefined);
  }
}
