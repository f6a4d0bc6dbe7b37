import { runAttached } from '../../host/attached-command.ts';
import { rootLogin as rootLoginCommand } from '../../host/guest-command.ts';
import { doesSystemdAnswer } from '../../host/guest-facts.ts';
import type { Context } from '../context.ts';
import { reportError } from '../report-error.ts';
import { chooseWay, findRunning, toCliError } from './guest.ts';
import { noAnswer } from './run.ts';

/** `nspawnctl root-login NAME`: root's shell in the guest, without a password; ends with the shell's exit status. */
export async function rootLogin(
  name: string,
  { enter }: { readonly enter: boolean },
  { client, terminal }: Context,
): Promise<number> {
  const guest = await findRunning(name, client);
  const way = await chooseWay(guest, enter);
  const { argv, signalArgv } = rootLoginCommand(guest, way);
  const status = await runAttached({ argv, signalArgv, isTerminal: way.isTerminal }).catch(toCliError);
  if (status === 1 && !way.isByNamespaces && !(await doesSystemdAnswer(name)))
    await reportError(noAnswer(name), terminal);
  return status;
}
