import { setTimeout as sleep } from 'node:timers/promises';
import { findGuest, type Guest } from '../../host/guest-facts.ts';
import type { LogPrinter } from './log-printer.ts';
import { guestJournalOf, type Position, type Readable } from './log-source.ts';

const LOOK_MS = 1_000;

/** What comes, of each journal as it comes, until Ctrl-C or until nobody reads it any more. */
export async function followAll(
  name: string,
  {
    readables,
    isWithGuest,
    guest,
  }: { readonly readables: readonly Readable[]; readonly isWithGuest: boolean; readonly guest: Guest | null },
  printer: LogPrinter,
  startedAt: number,
  signal: AbortSignal,
): Promise<void> {
  const follow = async (readable: Readable, position: Position) => {
    const { source } = readable;
    for await (const entry of readable.future(position, signal)) await printer.take({ source, entry });
  };
  const followGuests = async () => {
    let last = guest;
    let now = guest;
    // One that is not there yet is read from its beginning.
    let otherwiseAt = guest === null ? 0 : startedAt;
    while (!signal.aborted) {
      if (now?.hasSystemd === true) {
        if (last !== null && now.leader !== last.leader) {
          printer.forget('guest');
          otherwiseAt = 0;
        }
        last = now;
        // One that is on its way up or down does not answer: it is asked again.
        await follow(guestJournalOf(now, null), printer.position('guest', otherwiseAt)).catch(
          () => undefined,
        );
      }
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
      now = await findGuest(name, null).catch(() => null);
    }
  };
  await Promise.all([
    ...readables
      .filter(({ source }) => source !== 'guest')
      .map(readable => follow(readable, printer.position(readable.source, startedAt))),
    ...(isWithGuest ? [followGuests()] : []),
  ]);
}
