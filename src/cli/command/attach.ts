import { runAttached } from '../../host/attached-command.ts';
import type { GuestCommand, Way } from '../../host/guest-command.ts';
import { doesSystemdAnswer } from '../../host/guest-facts.ts';
import { signalGuestUnit } from '../../host/guest-signal.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { leaveWay, noAnswer, toCliError } from './guest.ts';

/** Runs it with our input and output; its exit status. */
export async function attach(
  command: GuestCommand,
  way: Way,
  name: string,
  terminal: Terminal,
  { hasInput }: { readonly hasInput: boolean } = { hasInput: true },
): Promise<number> {
  const { argv, descriptors, unit } = command;
  const { isTerminal, bus } = way;
  const passOn = (signal: NodeJS.Signals) => signalGuestUnit(unit, signal);
  try {
    const attached = { argv, descriptors, isTerminal, hasInput, passOn, outlives: unit };
    const status = await runAttached(attached).catch(toCliError);
    // The command's own no, or nobody who could have run it? systemd-run says 1 for both.
    if (status === 1 && bus !== null && !(await doesSystemdAnswer(bus)))
      await reportError(noAnswer(name), terminal);
    return status;
  } finally {
    await leaveWay(way);
  }
}
