import { runAttached } from '../../host/attached-command.ts';
import { runIn } from '../../host/guest-command.ts';
import { doesSystemdAnswer } from '../../host/guest-facts.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-code.ts';
import { reportError } from '../report-error.ts';
import { chooseWay, findRunning, toCliError } from './guest.ts';

/** `nspawnctl run NAME -- COMMAND...`: in the guest, with our input and output; ends with the command's own exit status. */
export async function run(
  name: string,
  command: readonly string[],
  { enter }: { readonly enter: boolean },
  { client, terminal }: Context,
): Promise<number> {
  const guest = await findRunning(name, client);
  const way = await chooseWay(guest, enter);
  const { argv, signalArgv } = runIn(guest, command, way);
  const status = await runAttached({ argv, signalArgv, isTerminal: way.isTerminal }).catch(toCliError);
  // The command's own no, or nobody who could have run it? systemd-run says 1 for both.
  if (status === 1 && !way.isByNamespaces && !(await doesSystemdAnswer(name)))
    await reportError(noAnswer(name), terminal);
  return status;
}

export function noAnswer(name: string): CliError {
  return new CliError(EXIT.no, `the systemd of ${name} does not answer`, [
    `enter without it: nspawnctl root-login --enter ${name}`,
  ]);
}
