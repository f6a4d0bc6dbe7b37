import { runIn } from '../../host/guest-command.ts';
import type { Context } from '../context.ts';
import { attach } from './attach.ts';
import { chooseWay, findRunning } from './guest.ts';

/** `nspawnctl run NAME -- COMMAND...`: in the guest, with our input and output; ends with the command's own exit status. */
export async function run(
  name: string,
  command: readonly string[],
  { enter }: { readonly enter: boolean },
  { client, terminal }: Context,
): Promise<number> {
  const guest = await findRunning(name, client);
  const way = await chooseWay(guest, enter);
  return attach(runIn(guest, command, way), way, name, terminal);
}
