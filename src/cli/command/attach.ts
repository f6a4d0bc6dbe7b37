import { runAttached } from '../../host/attached-command.ts';
import type { GuestCommand, Way } from '../../host/guest-command.ts';
import { doesSystemdAnswer } from '../../host/guest-facts.ts';
import { signalGuestCommand } from '../../host/guest-signal.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { toCliError } from './guest.ts';

/** Runs it with our input and output; its exit status. */
export async function attach(
  command: GuestCommand,
  { isTerminal, isByNamespaces }: Way,
  name: string,
  terminal: Terminal,
  { hasInput }: { readonly hasInput: boolean } = { hasInput: true },
): Promise<number> {
  const passOn = (signal: NodeJS.Signals) => signalGuestCommand(command, signal);
  const attached = { argv: command.argv, isTerminal, hasInput, passOn, outlives: command };
  const status = await runAttached(attached).catch(toCliError);
  // The command's own no, or nobody who could have run it? systemd-run says 1 for both.
  if (status === 1 && !isByNamespaces && !(await doesSystemdAnswer(name))) {
    const hint = `enter without it: nspawnctl root-login --enter ${name}`;
    await reportError(new CliError(EXIT.no, `the systemd of ${name} does not answer`, [hint]), terminal);
  }
  return status;
}
